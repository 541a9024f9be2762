import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '#libs/testing';

/** A whole Rookery, started as a user starts it. */
export interface RunningRookery {
  readonly url: string;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly launcher: ChildProcess;
  /** Everything the launcher has printed so far. */
  output(): string;
  /** Ctrl-C; resolves the exit code. */
  interrupt(): Promise<number | null>;
}

/** Starts what `npm start` starts, on free ports, and waits until it is ready. */
export async function startRookery(
  environment: Record<string, string> = {},
  dataDir = newDataDir(),
  timeoutMs = 120_000,
): Promise<RunningRookery> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { launcher, output } = launch({
    DATA_DIR: dataDir,
    PORT: String(port),
    EDGE_RELAY_PORT: String(await freePort()),
    EDGE_AGENT_PORT: String(await freePort()),
    ...environment,
  });
  const credentials = await eventually(
    async () => {
      if (launcher.exitCode !== null) throw new Error(`The launcher ended with ${launcher.exitCode}:\n${output()}`);
      const answer = await fetch(`${url}/readyz`).catch(() => undefined);
      if (answer?.status !== 200) throw new Error(`Not ready yet:\n${output()}`);
      return readFile(join(dataDir, 'credentials'), 'utf8');
    },
    { timeoutMs, intervalMs: 100 },
  ).catch((error: unknown) => {
    launcher.kill('SIGTERM');
    throw error;
  });
  return {
    url,
    apiKey: /ak_live_[0-9a-f]{32}/.exec(credentials)?.[0] ?? '',
    dataDir,
    launcher,
    output,
    interrupt: () => ended(launcher, 'SIGINT'),
  };
}

/** A folder that, as the launcher demands under root, other users may pass through. */
function newDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'rookery-e2e-'));
  chmodSync(dataDir, 0o711);
  return dataDir;
}

/** Runs the launcher with nothing of this process's environment but where programs and the home folder are. */
export function launch(environment: Record<string, string>): { launcher: ChildProcess; output: () => string } {
  const launcher = spawn(process.execPath, ['scripts/rookery.mjs', 'start'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  launcher.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  launcher.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { launcher, output: () => text };
}

/** Sends the signal and resolves the exit code. */
export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
  return child.exitCode;
}

/** Erases what a Rookery kept. */
export const eraseDataDir = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
