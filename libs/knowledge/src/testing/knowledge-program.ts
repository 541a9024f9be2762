import { join } from 'node:path';
import type { Config } from '#libs/config';
import { type Database, type Sql, type Tx, dataSourceOptions } from '#libs/database';
import { Embedders } from '#libs/embeddings';
import { silentLogger } from '#libs/observability';
import { type Overrides, testConfig, testDatabase } from '#libs/testing';
import { AgentKnowledge } from '../agent-knowledge.js';
import { BasesRepository } from '../bases.repository.js';
import { ChunksRepository } from '../chunks.repository.js';
import { startPglite } from '../conformance/pglite.js';
import { FilesRepository } from '../files/files.repository.js';
import { Ingestion } from '../ingestion.js';
import { KnowledgeSearch } from '../knowledge-search.js';
import { KnowledgeUpkeep } from '../knowledge-upkeep.js';
import { KnowledgeService } from '../knowledge.service.js';
import { Removal } from '../removal.js';
import { Turns } from '../turns.js';
import { MemoryVectorStore } from '../vectors/memory-vector-store.js';
import { PgVectorStore } from '../vectors/pg-vector-store.js';
import type { VectorStore } from '../vectors/vector-store.js';
import { WordSearch } from '../words/word-search.js';

const CACHE_BYTES = 64 * 1024 * 1024;

type KnowledgeSql = Sql & { transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> };

interface Migration {
  up(runner: { query(sql: string): Promise<unknown> }): Promise<void>;
}

/** Postgres in WASM with pgvector, under the schema of all migrations. One session, so transactions take turns. */
export async function pgliteDatabase(): Promise<KnowledgeSql & { close(): Promise<void> }> {
  const db = await startPglite();
  for (const migration of dataSourceOptions('postgres://x').migrations as (new () => Migration)[]) {
    await new migration().up({ query: (sql) => db.query(sql) });
  }
  const turns = new Turns(1);
  const inside = <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => db.query(text, values);
  const query = <Row>(text: string, values?: readonly unknown[]): Promise<Row[]> =>
    turns.take(() => inside<Row>(text, values));
  const transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const after: (() => void)[] = [];
    await db.query('BEGIN');
    try {
      const tx = { query: inside, named: inside, afterCommit: (action: () => void) => after.push(action) };
      const result = await work(tx as unknown as Tx);
      await db.query('COMMIT');
      after.forEach((action) => action());
      return result;
    } catch (error) {
      await db.query('ROLLBACK');
      throw error;
    }
  };
  return {
    query,
    named: (_name, text, values) => query(text, values),
    transaction: (work) => turns.take(() => transaction(work)),
    close: () => db.close(),
  };
}

/** One database that knowledge is kept in, and programs on it. */
export interface KnowledgeWorld {
  readonly sql: KnowledgeSql;
  /** As another process would have it, under a configuration of its own. */
  program(overrides?: Overrides<Config>): KnowledgeProgram;
  close(): Promise<void>;
}

export interface KnowledgeProgram {
  readonly service: KnowledgeService;
  readonly agents: AgentKnowledge;
  readonly upkeep: KnowledgeUpkeep;
  readonly bases: BasesRepository;
  readonly store: VectorStore;
  readonly embedders: Embedders;
}

/** A world over each store. */
export const KNOWLEDGE_WORLDS: readonly (readonly [name: string, make: () => Promise<KnowledgeWorld>])[] = [
  ['memory', memoryWorld],
  ['pgvector (PGlite)', pgliteWorld],
];

async function memoryWorld(): Promise<KnowledgeWorld> {
  const db = await testDatabase();
  const folder = join(db.dataDir, 'vectors');
  const options = { folder, cacheBytes: CACHE_BYTES, logger: silentLogger() };
  return worldOf(
    db.database,
    db.config(),
    () => new MemoryVectorStore(db.database, options),
    () => db.close(),
  );
}

async function pgliteWorld(): Promise<KnowledgeWorld> {
  const sql = await pgliteDatabase();
  const store = new PgVectorStore(sql);
  await store.prepare();
  const config = testConfig({ databaseUrl: 'postgres://nowhere/x', dataDir: '/nonexistent' });
  return worldOf(
    sql,
    config,
    () => new PgVectorStore(sql),
    () => sql.close(),
  );
}

function worldOf(
  sql: KnowledgeSql,
  config: Config,
  store: () => VectorStore,
  close: () => Promise<void>,
): KnowledgeWorld {
  const programs: KnowledgeProgram[] = [];
  return {
    sql,
    program: (overrides = {}) => {
      const program = programOf(sql as unknown as Database, { ...config, ...overrides } as Config, store());
      programs.push(program);
      return program;
    },
    close: async () => {
      for (const program of programs) {
        await program.embedders.onApplicationShutdown();
        await program.store.close();
      }
      await close();
    },
  };
}

function programOf(database: Database, config: Config, store: VectorStore): KnowledgeProgram {
  const embedders = new Embedders(config);
  const bases = new BasesRepository(database);
  const chunks = new ChunksRepository(database);
  const ingestion = new Ingestion(database, bases, chunks, embedders, store);
  const searching = new KnowledgeSearch(chunks, new WordSearch(database), embedders, store, silentLogger());
  const removal = new Removal(database, bases, chunks, new FilesRepository(database));
  return {
    service: new KnowledgeService(bases, chunks, ingestion, searching, removal),
    agents: new AgentKnowledge(bases, searching),
    upkeep: new KnowledgeUpkeep(database, bases, embedders, store, silentLogger()),
    bases,
    store,
    embedders,
  };
}
