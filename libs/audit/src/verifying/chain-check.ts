import type { Verifier } from '../checkpoints/audit-key.js';
import { asStatement, judge } from '../checkpoints/statement.js';
import { type ChainPoint, GENESIS, nextPoint } from '../sealing/chain.js';
import { type HeadItem, type RowItem, pointOf } from './chain-items.js';
import type { Checkpoints } from './checkpoints.js';

/** The first place at which a chain is not what it was. */
export interface Break {
  readonly org: string;
  /** Place in the chain, from 1. */
  readonly seq: number;
  /** Id of the row, where there is one. */
  readonly id: string | null;
  readonly problem: string;
}

/** Follows one organisation's chain row by row; after the first break it looks no further. */
export class ChainCheck {
  private last: ChainPoint;
  private found: Break | undefined;
  private confirmed: number;

  constructor(
    private readonly item: HeadItem,
    private readonly checkpoints: Checkpoints,
    verifiers: readonly Verifier[],
  ) {
    this.last = pointOf(item.anchor);
    this.confirmed = item.anchor.seq;
    if (!anchorHolds(item, verifiers)) {
      this.fail(
        1,
        null,
        `rows 1 to ${item.anchor.seq} are missing, and no signed anchor says that retention deleted them`,
      );
    }
  }

  add(row: RowItem): void {
    if (this.found) return;
    const expected = nextPoint(this.last, row);
    if (row.seq > expected.seq) return this.fail(expected.seq, null, missing(expected.seq, row.seq - 1));
    if (row.seq < expected.seq)
      return this.fail(row.seq, row.id, 'the row stands in the chain twice, or before its anchor');
    if (row.hash !== expected.hash.toString('hex')) {
      return this.fail(
        row.seq,
        row.id,
        'the row was changed, put in or moved: it does not follow from the one before it',
      );
    }
    this.last = expected;
    this.compare(row);
  }

  /** The end of the rows. @returns the first break; undefined when the chain holds. */
  end(): Break | undefined {
    const { head } = this.item;
    const known = Math.max(this.checkpoints.last, head?.seq ?? 0);
    if (!this.found && known > this.last.seq) this.fail(this.last.seq + 1, null, missing(this.last.seq + 1, known));
    if (!this.found && (head?.seq !== this.last.seq || head.hash !== this.last.hash.toString('hex'))) {
      this.fail(this.last.seq, null, 'the head of the chain is not its last row');
    }
    return this.found;
  }

  /** Whether any signed checkpoint spoke of this chain. */
  get isWitnessed(): boolean {
    return this.checkpoints.last > 0;
  }

  private compare(row: RowItem): void {
    const said = this.checkpoints.at(row.seq);
    const other = said.find(({ hash }) => hash !== row.hash);
    if (other) {
      const from = this.confirmed + 1;
      this.fail(row.seq, row.id, `rows ${from} to ${row.seq} are not those of the checkpoint signed at ${other.time}`);
    } else if (said.length > 0) this.confirmed = row.seq;
  }

  private fail(seq: number, id: string | null, problem: string): void {
    this.found ??= { org: this.item.org, seq, id, problem };
  }
}

const missing = (from: number, to: number): string =>
  from === to ? `row ${from} is missing` : `rows ${from} to ${to} are missing`;

/** A chain without an anchor begins at the beginning; any other needs the signed word of retention. */
function anchorHolds({ anchor, statement, org }: HeadItem, verifiers: readonly Verifier[]): boolean {
  if (anchor.seq === 0) return anchor.hash === GENESIS.hash.toString('hex');
  const signed = asStatement(statement);
  if (!signed || judge(signed, verifiers) !== 'good') return false;
  return signed.kind === 'anchor' && signed.org === org && signed.seq === anchor.seq && signed.hash === anchor.hash;
}
