import type { DataSource } from 'typeorm';
import { migrations } from './migrations/index.js';

const ADVISORY_LOCK = 7_266_839;

/** Applies pending migrations, one process at a time. @returns the names applied, oldest first. */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const lock = dataSource.createQueryRunner();
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
    const applied = await dataSource.runMigrations();
    return applied.map((migration) => migration.name);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK]).catch(() => undefined);
    await lock.release();
  }
}

/** All migrations of this build; or those `names`, as of an earlier state of a database. */
export const migrationsUpTo = (names?: readonly string[]): typeof migrations =>
  names === undefined ? migrations : migrations.filter(({ name }) => names.includes(name));

/** What stands between this build and the database's schema; empty when they match. */
export async function schemaProblems(dataSource: DataSource): Promise<string[]> {
  const known = migrations.map((migration) => migration.name);
  const [present] = (await dataSource.query(`SELECT to_regclass('migrations') IS NOT NULL AS present`)) as {
    present: boolean;
  }[];
  const rows = present?.present
    ? ((await dataSource.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[])
    : [];
  const applied = rows.map((row) => row.name);
  const missing = known.filter((name) => !applied.includes(name));
  const newer = applied.filter((name) => !known.includes(name));
  return [
    ...(missing.length > 0 ? [`not applied yet: ${several(missing)}; run "npm run migrate"`] : []),
    ...(newer.length > 0
      ? [`unknown to this version: ${several(newer)}; use the version that applied it, or a newer one`]
      : []),
  ];
}

const several = ([first, ...others]: readonly string[]): string =>
  others.length === 0 ? `migration ${first}` : `migration ${first} and ${others.length} more`;
