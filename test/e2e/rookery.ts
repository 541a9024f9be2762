import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { chmodSync, existsSync, mkdtempSync } from 'node:fs';
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

/** Who runs the launcher, and from where; by default this process's own user, from this checkout. */
export interface LaunchAs {
  readonly uid?: number;
  readonly gid?: number;
  readonly checkout?: string;
}

/** Starts what `npm start` starts, on free ports, and waits until it is ready. */
export async function startRookery(
  environment: Record<string, string> = {},
  dataDir = newDataDir(),
  timeoutMs = 120_000,
  as: LaunchAs = {},
): Promise<RunningRookery> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { launcher, output } = launch(
    {
      DATA_DIR: dataDir,
      PORT: String(port),
      ...(await edgePorts(dataDir)),
      ...environment,
    },
    as,
  );
  const credentials = await eventually(
    async () => {
      if (launcher.exitCode !== null) throw new Error(`The launcher ended with ${launcher.exitCode}:\n${output()}`);
      const answer = await fetch(`${url}/readyz`).catch(() => undefined);
      if (answer?.status !== 200) throw new Error(`Not ready yet:\n${output()}`);
      return readFile(join(dataDir, 'credentials'), 'utf8');
    },
    { timeoutMs, intervalMs: 100 },
  ).catch(async (error: unknown) => {
    // to its end: what it goes on stopping would come back behind whoever cleans up
    await ended(launcher, 'SIGTERM');
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

/** Free ones at the first start on a folder; later the launcher keeps them, since agents that live on know them. */
async function edgePorts(dataDir: string): Promise<Record<string, string>> {
  if (existsSync(join(dataDir, 'ports.json'))) return {};
  return { EDGE_RELAY_PORT: String(await freePort()), EDGE_AGENT_PORT: String(await freePort()) };
}

/** A folder that, as the launcher demands under root, other users may pass through. */
export function newDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'rookery-e2e-'));
  chmodSync(dataDir, 0o711);
  return dataDir;
}

/** Runs the launcher with nothing of this process's environment but where programs and the home folder are. */
export function launch(
  environment: Record<string, string>,
  { checkout = process.cwd(), ...user }: LaunchAs = {},
): { launcher: ChildProcess; output: () => string } {
  const node = process.execPath.replace(process.cwd(), checkout);
  const launcher = spawn(node, [join(checkout, 'scripts/rookery.mjs'), 'start'], {
    cwd: checkout,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  let text = '';
  launcher.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  launcher.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { launcher, output: () => text };
}

/** What the launcher says to a start that it refuses. @throws Error when it starts all the same */
export async function refusal(environment: Record<string, string>, as?: LaunchAs): Promise<string> {
  const { launcher, output } = launch(environment, as);
  const patience = setTimeout(() => launcher.kill('SIGTERM'), 60_000);
  await once(launcher, 'close');
  clearTimeout(patience);
  if (launcher.exitCode !== 1) throw new Error(`The launcher ended with ${launcher.exitCode}:\n${output()}`);
  return output();
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
