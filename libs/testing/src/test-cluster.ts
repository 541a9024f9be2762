import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

interface Server {
  readonly url: string;
  readonly pid: number;
}

interface PostgresScript {
  startPostgres(options: { dir: string; root: string; durable: boolean }): Promise<Server>;
  stopPostgres(pid: number): Promise<void>;
}

/** A Postgres of the suite's own, to be taken away and brought back; its address stays the same. */
export interface TestCluster {
  readonly url: string;
  /** Ends the server with all its connections. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and erases its data. */
  close(): Promise<void>;
}

/** Starts an empty cluster beside the one that all suites share. */
export async function testCluster(): Promise<TestCluster> {
  const root = resolve(__dirname, '../../..');
  const dir = mkdtempSync(join(tmpdir(), 'rookery-cluster-'));
  const script = (await import(join(root, 'scripts/lib/postgres.mjs'))) as PostgresScript;
  const start = (): Promise<Server> => script.startPostgres({ dir, root, durable: false });
  let server = await start();
  const { url } = server;
  return {
    url,
    stop: () => script.stopPostgres(server.pid),
    start: async () => {
      server = await start();
    },
    close: async () => {
      await script.stopPostgres(server.pid);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
