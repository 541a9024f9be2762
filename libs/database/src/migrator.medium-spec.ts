import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { emptyDatabase } from '#libs/testing';
import type { DataSource } from 'typeorm';
import { openDataSource } from './data-source.js';
import { migrate, schemaProblems } from './migrator.js';
import { migrations } from './migrations/index.js';

const known = migrations.map(({ name }) => name);

describe('migrate', () => {
  let database: Awaited<ReturnType<typeof emptyDatabase>>;
  let sources: DataSource[];

  beforeEach(async () => {
    database = await emptyDatabase();
    sources = await Promise.all([1, 2, 3].map(() => openDataSource(database.url)));
  });
  afterEach(async () => {
    await Promise.all(sources.map((source) => source.destroy()));
    await database.close();
  });

  it('applies everything once, however many programs begin at the same moment', async () => {
    const applied = await Promise.all(sources.map(migrate));
    expect(applied.filter((names) => names.length > 0)).toEqual([known]);
    const rows = (await sources[0]!.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[];
    expect(rows.map(({ name }) => name)).toEqual(known);
  }, 60_000);

  it('says what an empty, an unfinished and a newer schema lack, or lost that it needs', async () => {
    const [source] = sources as [DataSource];
    const [first, ...others] = known;
    expect(await schemaProblems(source)).toEqual([
      `not applied yet: migration ${first} and ${others.length} more; run "npm run migrate"`,
    ]);
    await migrate(source);
    expect(await schemaProblems(source)).toEqual([]);
    await source.query(`UPDATE migrations SET name = 'ContractOfTomorrow' WHERE name = $1`, [known.at(-1)]);
    expect(await schemaProblems(source)).toEqual([
      `not applied yet: migration ${known.at(-1)}; run "npm run migrate"`,
      'unknown to this version: migration ContractOfTomorrow; use the version that applied it, or a newer one',
    ]);
  }, 60_000);

  it('works beside a newer schema that was only added to, and leaves it as it is', async () => {
    const [source] = sources as [DataSource];
    await migrate(source);
    await source.query('ALTER TABLE agents ADD COLUMN of_tomorrow text');
    await source.query(`INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'OfTomorrow9999999999999')`);
    expect(await schemaProblems(source)).toEqual([]);
    expect(await migrate(source)).toEqual([]);
  }, 60_000);
});
