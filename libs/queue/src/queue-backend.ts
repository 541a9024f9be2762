import { once } from 'node:events';
import {
  type ConnectionOptions,
  type JobsOptions,
  createPostgresBackend,
  createRedisBackend,
  runMigrations,
} from 'bullmq';
import { type BackendFactory, type IQueueBackend, setDefaultBackendFactory } from 'bullmq';
import { Redis } from 'ioredis';
import { Client, Pool } from 'pg';
import type { Config } from '#libs/config';

const POSTGRES_SCHEMA = 'bullmq';
const PRODUCER_CONNECTIONS = 4;
const WORKER_CONNECTIONS = 6;
const COMMAND_TIMEOUT_MS = 5_000;
const HOUR_SECONDS = 3_600;
const KEEP_FAILED = { age: 7 * 24 * HOUR_SECONDS };

/** Where this process's queues live. All queues and workers of the process share what it holds. */
export interface QueueBackend {
  readonly kind: 'postgres' | 'redis';
  /** For queues: fails fast, so that a ring never waits for a backend that is down. */
  readonly producer: ConnectionOptions;
  /** For workers: waits until the backend is back. */
  readonly worker: ConnectionOptions;
  /** How long finished jobs are kept. */
  readonly keep: Pick<JobsOptions, 'removeOnComplete' | 'removeOnFail'>;
  /** Resolves when the backend can be asked. @throws Error when it can't within 5 s. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

/** The BullMQ backend follows from the connection it is given, so one process may hold both kinds. */
const byConnection: BackendFactory<IQueueBackend, ConnectionOptions> = (name, options, factoryOptions) =>
  (options.connection as unknown) instanceof Pool
    ? (createPostgresBackend as unknown as BackendFactory<IQueueBackend, ConnectionOptions>)(
        name,
        options,
        factoryOptions,
      )
    : createRedisBackend(name, options, factoryOptions);

/** Opens Redis when `REDIS_URL` is set, else Postgres. `listeners` is the number of workers this process will run. */
export function openQueueBackend(
  config: Pick<Config, 'databaseUrl' | 'redisUrl'>,
  listeners: number,
  onError: (error: Error) => void,
): QueueBackend {
  setDefaultBackendFactory(byConnection);
  return config.redisUrl === undefined
    ? postgresBackend(config.databaseUrl, listeners, onError)
    : redisBackend(config.redisUrl, onError);
}

function postgresBackend(databaseUrl: string, listeners: number, onError: (error: Error) => void): QueueBackend {
  const pool = new Pool({
    connectionString: databaseUrl,
    // Every worker keeps one connection for LISTEN; a pool no larger than their number would hang without a word.
    max: listeners === 0 ? PRODUCER_CONNECTIONS : listeners + WORKER_CONNECTIONS,
    options: `-c search_path=${POSTGRES_SCHEMA}`,
    application_name: 'rookery-queue',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: COMMAND_TIMEOUT_MS,
  });
  pool.setMaxListeners(0);
  pool.on('error', onError);
  const connection = pool as unknown as ConnectionOptions;
  return {
    kind: 'postgres',
    producer: connection,
    worker: connection,
    // Keeping a number of jobs makes every job on Postgres cost two to three times as much as keeping an age.
    keep: { removeOnComplete: { age: HOUR_SECONDS / 6 }, removeOnFail: KEEP_FAILED },
    ready: () => Promise.resolve(),
    close: () => pool.end(),
  };
}

function redisBackend(url: string, onError: (error: Error) => void): QueueBackend {
  const retryStrategy = (times: number): number => Math.min(times * 100, 1_000);
  const producer = new Redis(url, {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    connectTimeout: COMMAND_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy,
  });
  const watched = (client: Redis): Redis => client.setMaxListeners(0).on('error', onError);
  watched(producer);
  let worker: Redis | undefined;
  return {
    kind: 'redis',
    producer,
    get worker() {
      return (worker ??= watched(new Redis(url, { maxRetriesPerRequest: null, retryStrategy })));
    },
    keep: { removeOnComplete: { age: HOUR_SECONDS, count: 1_000 }, removeOnFail: KEEP_FAILED },
    ready: async () => {
      if (producer.status === 'ready') return;
      await once(producer, 'ready', { signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) });
    },
    close: () => {
      producer.disconnect();
      worker?.disconnect();
      return Promise.resolve();
    },
  };
}

/** Creates or updates BullMQ's own schema in Postgres. Part of the migrate command; API and workers never do it. */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await runMigrations(client, POSTGRES_SCHEMA);
  } finally {
    await client.end();
  }
}
