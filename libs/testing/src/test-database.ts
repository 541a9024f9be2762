import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '#libs/config';
import { Database, migrate, openDataSource } from '#libs/database';
import { Client } from 'pg';
import { type Overrides, testConfig } from './test-config.js';

type Entities = Parameters<typeof openDataSource>[1];

/** A suite's own database, cloned from the migrated template. */
export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
  /** A folder of the suite's own, removed by `close`. */
  readonly dataDir: string;
  /** A test configuration that points at this database and folder; `overrides` are merged in deeply. */
  config(overrides?: Overrides<Config>): Config;
  /** Ends the connections and drops the database. */
  close(): Promise<void>;
}

const TEMPLATE_LOCK = 5_318_008;

/** Clones the template; one per suite, in `beforeAll`. `entities` are TypeORM entity classes. */
export async function testDatabase(entities?: Entities): Promise<TestDatabase> {
  const name = `t_${randomBytes(6).toString('hex')}`;
  await asAdmin(async (admin) => {
    const template = await preparedTemplate(admin);
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  const url = urlOf(name);
  const dataSource = await openDataSource(url, entities);
  const dataDir = mkdtempSync(join(tmpdir(), 'rookery-suite-'));
  return {
    url,
    database: new Database(dataSource),
    dataDir,
    config: (overrides = {}) => testConfig({ databaseUrl: url, dataDir }, overrides),
    close: async () => {
      if (dataSource.isInitialized) await dataSource.destroy();
      await asAdmin((admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A database without a table, in the same cluster. */
export async function emptyDatabase(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const name = `e_${randomBytes(6).toString('hex')}`;
  await asAdmin((admin) => admin.query(`CREATE DATABASE ${name}`));
  return {
    url: urlOf(name),
    close: () => asAdmin(async (admin) => void (await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))),
  };
}

/** Makes the template once per jest run, whichever suite comes first. */
async function preparedTemplate(admin: Client): Promise<string> {
  const name = `template_${process.env.ROOKERY_TEST_RUN ?? 'run'}`;
  await admin.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await makeTemplate(admin, name);
    return name;
  } finally {
    await admin.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

async function makeTemplate(admin: Client, name: string): Promise<void> {
  const draft = `${name}_draft`;
  await admin.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${draft}`);
  const dataSource = await openDataSource(urlOf(draft));
  try {
    await migrate(dataSource);
    const { migrateQueue } = await import('#libs/queue');
    await migrateQueue(urlOf(draft));
  } finally {
    await dataSource.destroy();
  }
  await admin.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
}

function serverUrl(): string {
  const url = process.env.ROOKERY_TEST_DATABASE_URL;
  if (!url) throw new Error('testDatabase() needs a jest project whose globalSetup starts Postgres, such as "medium"');
  return url;
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}

async function asAdmin<T>(work: (admin: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: serverUrl() });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
