import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Sql as FullSql } from '#libs/database';
import { type ChainPoint, type ChainedEvent, GENESIS } from '../sealing/chain.js';
import { EVENT_COLUMNS } from '../sealing/sealing.repository.js';

type Sql = Pick<FullSql, 'query'>;

/** The beginning of an organisation's chain, before its rows. `head` is null where the database has none. */
export interface HeadItem {
  readonly kind: 'head';
  readonly org: string;
  readonly head: { readonly seq: number; readonly hash: string } | null;
  readonly anchor: { readonly seq: number; readonly hash: string };
  /** The signed statement of the anchor. */
  readonly statement: unknown;
  /** Rows that have no place yet. */
  readonly unsealed: number;
}

/** One row of the chain, in its order. */
export type RowItem = ChainedEvent & { readonly kind: 'row'; readonly seq: number; readonly hash: string };

/** Chains as they are stored: each head, followed by its rows. Also the lines of an export. */
export type ChainItem = HeadItem | RowItem;

const PAGE = 2_000;
const ORGANISATIONS = `
  SELECT o.org_id AS org, h.seq, encode(h.hash, 'hex') AS hash, h.anchor_seq AS "anchorSeq",
         encode(h.anchor_hash, 'hex') AS "anchorHash", h.anchor AS statement,
         (SELECT count(*)::int FROM audit_events e WHERE e.seq IS NULL AND e.org_id = o.org_id) AS unsealed
  FROM (SELECT org_id FROM audit_heads UNION SELECT org_id FROM audit_events WHERE seq IS NOT NULL) o
  LEFT JOIN audit_heads h USING (org_id) WHERE $1::uuid IS NULL OR o.org_id = $1 ORDER BY o.org_id`;

interface OrganisationRow {
  readonly org: string;
  readonly seq: string | null;
  readonly hash: string | null;
  readonly anchorSeq: string | null;
  readonly anchorHash: string | null;
  readonly statement: unknown;
  readonly unsealed: number;
}

/** Reads chains, of one organisation or of all; `sql` is best a transaction that sees one state all the time. */
export async function* storedChains(sql: Sql, orgId?: string): AsyncGenerator<ChainItem> {
  for (const row of await sql.query<OrganisationRow>(ORGANISATIONS, [orgId ?? null])) {
    const head = headItem(row);
    yield head;
    yield* rowsOf(sql, row.org, head.head?.seq);
  }
}

/** Rows that were sealed after the head was read are left to the next look. */
async function* rowsOf(sql: Sql, orgId: string, lastSeq: number | undefined): AsyncGenerator<RowItem> {
  for (let after = -1; ;) {
    const rows = await sql.query<ChainedEvent & { seq: string; hash: string }>(
      `SELECT seq, encode(hash, 'hex') AS hash, ${EVENT_COLUMNS} FROM audit_events e
       WHERE e.org_id = $1 AND e.seq > $2 AND ($3::bigint IS NULL OR e.seq <= $3) ORDER BY e.seq LIMIT $4`,
      [orgId, after, lastSeq ?? null, PAGE],
    );
    for (const row of rows) yield { kind: 'row', ...row, seq: Number(row.seq) };
    if (rows.length < PAGE) return;
    after = Number(rows.at(-1)?.seq);
  }
}

/** Reads chains from a file that the export wrote. @throws Error naming the line that is none. */
export async function* exportedChains(file: string): AsyncGenerator<ChainItem> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1;
    if (line === '') continue;
    const item = parsed(line);
    if (!item) throw new Error(`${file}:${number} is not a line of an export`);
    yield item;
  }
}

const headItem = (row: OrganisationRow): HeadItem => ({
  kind: 'head',
  org: row.org,
  head: row.seq === null || row.hash === null ? null : { seq: Number(row.seq), hash: row.hash },
  anchor:
    row.anchorSeq === null || row.anchorHash === null
      ? { seq: GENESIS.seq, hash: GENESIS.hash.toString('hex') }
      : { seq: Number(row.anchorSeq), hash: row.anchorHash },
  statement: row.statement,
  unsealed: row.unsealed,
});

/** What an item says, as a point to hash from. */
export const pointOf = ({ seq, hash }: { readonly seq: number; readonly hash: string }): ChainPoint => ({
  seq,
  hash: Buffer.from(hash, 'hex'),
});

function parsed(line: string): ChainItem | undefined {
  try {
    const item = JSON.parse(line) as Partial<ChainItem> | null;
    return item?.kind === 'head' || item?.kind === 'row' ? (item as ChainItem) : undefined;
  } catch {
    return undefined;
  }
}
