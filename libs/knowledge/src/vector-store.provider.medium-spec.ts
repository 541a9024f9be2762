import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Config } from '#libs/config';
import type { Database } from '#libs/database';
import { silentLogger } from '#libs/observability';
import { type TestDatabase, testConfig, testDatabase } from '#libs/testing';
import { pgliteDatabase } from './testing/knowledge-program.js';
import { vectorStoreProvider } from './vector-store.provider.js';
import type { VectorStore } from './vectors/vector-store.js';

type Wanted = Config['knowledge']['vectorStore'];
type Pglite = Awaited<ReturnType<typeof pgliteDatabase>>;

describe('VECTOR_STORE', () => {
  let plain: TestDatabase;
  let withExtension: Pglite;
  const open: VectorStore[] = [];

  beforeAll(async () => {
    plain = await testDatabase();
    withExtension = await pgliteDatabase();
  }, 120_000);
  afterEach(() => Promise.all(open.splice(0).map((store) => store.close())));
  afterAll(async () => {
    await withExtension?.close();
    await plain?.close();
  });

  async function made(vectorStore: Wanted, database: Database | Pglite): Promise<VectorStore> {
    const config = testConfig({ databaseUrl: plain.url, dataDir: plain.dataDir });
    const wanted = { ...config, knowledge: { ...config.knowledge, vectorStore } };
    const store = (await vectorStoreProvider.useFactory(wanted, database, silentLogger())) as VectorStore;
    open.push(store);
    return store;
  }

  const tableOf = async (database: Pick<Database, 'query'> | Pglite): Promise<string | null> =>
    (await database.query<{ name: string | null }>(`SELECT to_regclass('knowledge_vectors')::text AS name`))[0]!.name;

  it('auto is the index in memory where the database has no pgvector, which stays untouched', async () => {
    expect((await made('auto', plain.database)).name).toBe('memory');
    expect(await tableOf(plain.database)).toBeNull();
  });

  it('auto makes pgvector ready where the database has it, as often as programs start', async () => {
    for (let start = 0; start < 2; start += 1) expect((await made('auto', withExtension)).name).toBe('pgvector');
    expect(await tableOf(withExtension)).toBe('knowledge_vectors');
  });

  it('memory is taken although pgvector is there', async () => {
    expect((await made('memory', withExtension)).name).toBe('memory');
  });

  it('pgvector refuses to start where it is not there, and says why', async () => {
    await expect(made('pgvector', plain.database)).rejects.toThrow(
      'VECTOR_STORE=pgvector, but the database has no extension "vector" (0.8 or newer) to make',
    );
  });
});
