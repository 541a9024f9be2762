import type { Verifier } from '../checkpoints/audit-key.js';
import { CheckpointFiles } from '../checkpoints/checkpoint-files.js';
import { type Break, ChainCheck } from './chain-check.js';
import type { ChainItem } from './chain-items.js';
import { CheckpointBook } from './checkpoints.js';

/** What a verification found. */
export interface AuditReport {
  readonly ok: boolean;
  readonly organisations: number;
  readonly rows: number;
  /** Rows written so lately that they have no place yet. */
  readonly unsealed: number;
  /** Signed lines that were held against the rows. */
  readonly checkpoints: number;
  /** Lines that could not be read, and lines of keys that were not given. */
  readonly unreadableLines: number;
  readonly foreignLines: number;
  /** Chains that no checkpoint speaks of: their cut end would not be seen. */
  readonly unwitnessed: number;
  /** The first break of each broken chain, at most 100. */
  readonly broken: readonly Break[];
  /** What is wrong with the checkpoints themselves. */
  readonly problems: readonly string[];
}

export interface VerifyOptions {
  readonly chains: AsyncIterable<ChainItem>;
  readonly checkpointsDir: string;
  readonly verifiers: readonly Verifier[];
  /** Only this organisation is in `chains`. */
  readonly orgId?: string | undefined;
}

const MOST_BREAKS = 100;

/**
 * Checks every chain against itself and against the signed checkpoints. It needs no Rookery that runs: the rows may
 * come from an export, and the public key is enough.
 * @throws Error of the database or the file system.
 */
export async function verifyAudit({ chains, checkpointsDir, verifiers, orgId }: VerifyOptions): Promise<AuditReport> {
  const book = new CheckpointBook(verifiers);
  for (const file of await new CheckpointFiles(checkpointsDir).list()) await book.read(file);
  const tally = new Tally(book, verifiers);
  for await (const item of chains) tally.add(item);
  return tally.report(orgId);
}

class Tally {
  private readonly seen = new Set<string>();
  private readonly broken: Break[] = [];
  private rows = 0;
  private unsealed = 0;
  private unwitnessed = 0;
  private check: ChainCheck | undefined;

  constructor(
    private readonly book: CheckpointBook,
    private readonly verifiers: readonly Verifier[],
  ) {}

  add(item: ChainItem): void {
    if (item.kind === 'row') {
      this.rows += 1;
      this.check?.add(item);
      return;
    }
    this.close();
    this.seen.add(item.org);
    this.unsealed += item.unsealed;
    this.check = new ChainCheck(item, this.book.of(item.org), this.verifiers);
  }

  report(orgId: string | undefined): AuditReport {
    this.close();
    const known = orgId === undefined ? this.book.organisations() : [orgId];
    known.filter((org) => !this.seen.has(org)).forEach((org) => this.addVanished(org));
    const problems = this.problems();
    return {
      ok: this.broken.length === 0 && problems.length === 0,
      organisations: this.seen.size,
      rows: this.rows,
      unsealed: this.unsealed,
      checkpoints: this.book.good,
      unreadableLines: this.book.unreadable,
      foreignLines: this.book.foreign,
      unwitnessed: this.unwitnessed,
      broken: this.broken.slice(0, MOST_BREAKS),
      problems,
    };
  }

  private close(): void {
    const found = this.check?.end();
    if (found) this.broken.push(found);
    if (this.check && !this.check.isWitnessed) this.unwitnessed += 1;
    this.check = undefined;
  }

  private addVanished(org: string): void {
    const { last } = this.book.of(org);
    if (last > 0) this.broken.push({ org, seq: 1, id: null, problem: `the whole chain of ${last} rows is missing` });
  }

  private problems(): string[] {
    const none = this.rows > 0 && this.book.good === 0;
    return [
      ...(this.book.forged === undefined ? [] : [`the signature of ${this.book.forged} is not that of its line`]),
      ...(none ? ['there is no signed checkpoint to hold the rows against'] : []),
    ];
  }
}
