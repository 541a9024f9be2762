import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type TestDatabase, testDatabase } from '#libs/testing';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

it('says that the database is away when a transaction loses its connection before the commit', async () => {
  const lost = db.database.transaction(async (tx) => {
    const [own] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    // the notice of the loss arrives while nothing is asked
    await db.database.query('SELECT pg_terminate_backend($1), pg_sleep(0.3)', [own?.pid]);
  });
  await expect(lost).rejects.toMatchObject({ kind: 'unavailable', code: 'database_unavailable' });
  expect(await db.database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});
