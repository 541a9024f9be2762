import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

interface Server {
  readonly url: string;
  readonly pid: number;
  readonly child: ChildProcess;
}

type Settings = Readonly<Record<string, string | number>>;

interface PostgresScript {
  startPostgres(options: { dir: string; root: string; durable: boolean; settings?: Settings }): Promise<Server>;
  stopPostgres(pid: number): Promise<void>;
}

/** A Postgres of the suite's own, to be taken away and brought back; its address stays the same. */
export interface TestCluster {
  readonly url: string;
  /** Ends the server with all its connections. */
  stop(): Promise<void>;
  /** Kills the server: SIGQUIT ends it and its sessions at once, SIGKILL leaves the sessions to find out. */
  kill(signal: 'SIGKILL' | 'SIGQUIT'): Promise<void>;
  start(): Promise<void>;
  /** Stops it and erases its data. */
  close(): Promise<void>;
}

/** What commits need to outlive a killed server; nothing waits for the disk all the same. */
export const OUTLIVES_KILLS: Settings = { synchronous_commit: 'on', full_page_writes: 'on' };

/** Starts an empty cluster beside the one that all suites share. It keeps nothing after a kill, but with {@link OUTLIVES_KILLS}. */
export async function testCluster(settings: Settings = {}): Promise<TestCluster> {
  const root = resolve(__dirname, '../../..');
  const dir = mkdtempSync(join(tmpdir(), 'rookery-cluster-'));
  const script = (await import(join(root, 'scripts/lib/postgres.mjs'))) as PostgresScript;
  const start = (): Promise<Server> => script.startPostgres({ dir, root, durable: false, settings });
  let server = await start();
  const { url } = server;
  return {
    url,
    stop: () => script.stopPostgres(server.pid),
    kill: async (signal) => {
      const end = once(server.child, 'exit');
      process.kill(server.pid, signal);
      await end;
    },
    start: async () => {
      server = await start();
    },
    close: async () => {
      await script.stopPostgres(server.pid);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
