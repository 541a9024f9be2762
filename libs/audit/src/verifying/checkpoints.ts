import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Verifier } from '../checkpoints/audit-key.js';
import { type Statement, asStatement, judge } from '../checkpoints/statement.js';

type Said = Pick<Statement, 'hash' | 'time'>;

/** What signed files say of one organisation. */
export class Checkpoints {
  /** The last place that is spoken of; 0 without any. */
  last = 0;
  private readonly places = new Map<number, Said[]>();

  /** The hashes a place is said to have, each with when it was first said; more than one only after foul play. */
  at(seq: number): readonly Said[] {
    return this.places.get(seq) ?? [];
  }

  keep({ seq, hash, time }: Statement): void {
    const said = this.places.get(seq) ?? [];
    if (!said.some((other) => other.hash === hash)) said.push({ hash, time });
    this.places.set(seq, said);
    this.last = Math.max(this.last, seq);
  }
}

/** All that was read from checkpoint files. */
export class CheckpointBook {
  /** Lines whose signature holds. */
  good = 0;
  /** Lines that are none: torn by a crash, or damaged. */
  unreadable = 0;
  /** Signed by a key that was not given. */
  foreign = 0;
  /** `file:line` of the first line that a given key is said to have signed, but did not. */
  forged: string | undefined;
  private readonly byOrg = new Map<string, Checkpoints>();

  constructor(private readonly verifiers: readonly Verifier[]) {}

  of(orgId: string): Checkpoints {
    return this.byOrg.get(orgId) ?? new Checkpoints();
  }

  organisations(): string[] {
    return [...this.byOrg.keys()];
  }

  /** @throws Error of the file system. */
  async read(file: string): Promise<void> {
    let number = 0;
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      number += 1;
      if (line !== '') this.add(line, `${file}:${number}`);
    }
  }

  private add(line: string, place: string): void {
    const statement = parsed(line);
    if (!statement) this.unreadable += 1;
    else this.judge(statement, place);
  }

  private judge(statement: Statement, place: string): void {
    const verdict = judge(statement, this.verifiers);
    if (verdict === 'unknown') this.foreign += 1;
    if (verdict === 'forged') this.forged ??= place;
    if (verdict !== 'good' || statement.kind !== 'head') return;
    this.good += 1;
    this.keep(statement);
  }

  private keep(statement: Statement): void {
    const checkpoints = this.of(statement.org);
    checkpoints.keep(statement);
    this.byOrg.set(statement.org, checkpoints);
  }
}

function parsed(line: string): Statement | undefined {
  try {
    return asStatement(JSON.parse(line));
  } catch {
    return undefined;
  }
}
