import type { DataSource } from 'typeorm';
import { migrations } from './migrations/index.js';

const ADVISORY_LOCK = 7_266_839;
/** How a migration is called that takes something away: versions that do not know it can't work beside it. */
const CONTRACTS = /^Contract/;

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

/**
 * What stands between this build and the database's schema; empty when they fit. A newer version may have added to it: the
 * former one goes on beside it until everything is replaced, but not once something it uses was taken away.
 */
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
  const newer = applied.filter((name) => !known.includes(name) && CONTRACTS.test(name));
  return [
    ...(missing.length > 0 ? [`not applied yet: ${several(missing)}; run "npm run migrate"`] : []),
    ...(newer.length > 0
      ? [`unknown to this version: ${several(newer)}; use the version that applied it, or a newer one`]
      : []),
  ];
}

const several = ([first, ...others]: readonly string[]): string =>
  others.length === 0 ? `migration ${first}` : `migration ${first} and ${others.length} more`;
