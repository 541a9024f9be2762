import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The built programs that suites start and kill. */
export const PROGRAMS = {
  api: join(process.cwd(), 'dist/apps/api/src/main.js'),
  worker: join(process.cwd(), 'dist/apps/worker/src/main.js'),
  migrate: join(process.cwd(), 'dist/apps/worker/src/cli/migrate.js'),
  adminCreate: join(process.cwd(), 'dist/apps/api/src/cli/admin-create.js'),
  auditVerify: join(process.cwd(), 'dist/apps/api/src/cli/audit-verify.js'),
};

/** A program of ours, from its start to its end. */
export interface StartedProgram {
  readonly child: ChildProcess;
  /** Resolves when it says that it is ready. Rejects with its output when it ends before. */
  readonly ready: Promise<void>;
  output(): string;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a program with nothing of this process's environment but PATH, in the folder of its build (this checkout's, unless told). */
export function startProgram(
  program: string,
  environment: Readonly<Record<string, string>>,
  cwd = process.cwd(),
): StartedProgram {
  const child = spawn(process.execPath, ['--no-warnings', program], {
    cwd,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let text = '';
  for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ready = new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}:\n${text}`)));
  });
  return {
    child,
    ready,
    output: () => text,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
      return child.exitCode;
    },
  };
}

/** A process of an agent of one data folder. */
export interface AgentProcess {
  readonly pid: number;
  readonly agentId: string;
}

/** All living agent processes of a data folder, found in /proc, whoever started them. Linux only. */
export function agentProcesses(dataDir: string, agentId?: string): AgentProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const environment = environmentOf(name);
      const id = environment?.get('ROOKERY_AGENT_ID');
      const mine = id !== undefined && environment?.get('ROOKERY_WORKSPACE')?.startsWith(dataDir);
      return mine && (agentId === undefined || id === agentId) ? [{ pid: Number(name), agentId: id }] : [];
    });
}

/** What a living process was started with; undefined when it has ended. */
export function environmentOf(pid: string | number): Map<string, string> | undefined {
  try {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return undefined;
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
  } catch {
    return undefined;
  }
}

/** Ends a process at once. */
export function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended already
  }
}
