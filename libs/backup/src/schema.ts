import type { Sql as FullSql } from '#libs/database';
import type { BackedUpPartition, BackedUpSequence } from './manifest.js';

type Sql = Pick<FullSql, 'query'>;

/** A table with the columns that are stored, in an order in which every reference is satisfied. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Migrations are run again, not copied; unlogged tables hold what a crash may take too. */
const TABLES = `
  SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     AND c.relpersistence = 'p' AND c.relname <> 'migrations'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   GROUP BY c.relname ORDER BY c.relname`;

const REFERENCES = `
  SELECT DISTINCT c.conrelid::regclass::text AS "from", c.confrelid::regclass::text AS "to"
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid AND NOT t.relispartition
   WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.conrelid <> c.confrelid`;

const PARTITIONS = `
  SELECT c.relname AS name, p.relname AS parent, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
   WHERE c.relnamespace = 'public'::regnamespace AND c.relispartition AND c.relkind = 'r' ORDER BY c.relname`;

const SEQUENCES = `
  SELECT sequencename AS name, last_value::text AS value FROM pg_sequences
   WHERE schemaname = 'public' AND sequencename <> 'migrations_id_seq' ORDER BY 1`;

/** Those that others refer to come first. @throws Error for a circle, which no copy in any order satisfies. */
export async function tablesInOrder(sql: Sql): Promise<TableShape[]> {
  const shapes = await sql.query<TableShape>(TABLES);
  const references = await sql.query<{ from: string; to: string }>(REFERENCES);
  const left = new Map(shapes.map((shape) => [shape.name, shape]));
  const ordered: TableShape[] = [];
  while (left.size > 0) {
    const waits = new Set(references.filter(({ to }) => left.has(to)).map(({ from }) => from));
    const free = [...left.values()].filter(({ name }) => !waits.has(name));
    if (free.length === 0)
      throw new Error(`These tables refer to each other in a circle: ${[...left.keys()].join(', ')}`);
    for (const shape of free) left.delete(shape.name);
    ordered.push(...free);
  }
  return ordered;
}

export const partitionsOf = (sql: Sql): Promise<BackedUpPartition[]> => sql.query<BackedUpPartition>(PARTITIONS);

export const sequencesOf = (sql: Sql): Promise<BackedUpSequence[]> => sql.query<BackedUpSequence>(SEQUENCES);

/** A name out of a catalogue or a manifest as an identifier of SQL. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const columnList = (columns: readonly string[]): string => columns.map(quoted).join(', ');
