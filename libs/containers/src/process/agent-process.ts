import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { dirname } from 'node:path';
import { DomainError } from '#libs/kernel';
import type { ContainerSpec } from '../container-runtime.js';
import type { AgentProgram } from './agent-program.js';
import { AGENT_PATH } from './host-programs.js';
import type { Owner } from './workspace.js';

export interface Launch {
  readonly program: AgentProgram;
  readonly spec: ContainerSpec;
  readonly port: number;
  readonly nonce: string;
  readonly workspace: string;
  readonly owner: Owner;
  /** Folder of OpenClaw's package, for its runtime. */
  readonly openclawPackage?: string | undefined;
  /** Descriptor for both outputs; closed here. */
  readonly output: number;
}

/** The argument by which a process is found again when its identity was never written. */
export const nonceArgument = (nonce: string): string => `--rookery-instance=${nonce}`;

/**
 * Command line of an agent: heap flags as measured for small programs, file access to its own folder and code only.
 * OpenClaw starts programs of its own and opens SQLite files, which Node's permissions can't confine.
 */
export function commandLine({ program, workspace, nonce, openclawPackage }: Launch): string[] {
  if (openclawPackage !== undefined) return ['--max-old-space-size=128', program.main, nonceArgument(nonce)];
  return [
    '--permission',
    `--allow-fs-read=${dirname(program.main)}`,
    `--allow-fs-read=${workspace}`,
    `--allow-fs-write=${workspace}`,
    '--max-semi-space-size=2',
    '--max-old-space-size=128',
    '--v8-pool-size=1',
    '--no-maglev',
    program.main,
    nonceArgument(nonce),
  ];
}

/** Built from nothing: no variable of the worker reaches an agent. */
export function environment({ spec, port, nonce, workspace, openclawPackage }: Launch): Record<string, string> {
  return {
    PATH: AGENT_PATH,
    HOME: workspace,
    TMPDIR: workspace,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    NODE_ENV: 'production',
    MALLOC_ARENA_MAX: '1',
    ...spec.env,
    ROOKERY_BIND: '127.0.0.1',
    ROOKERY_PORT: String(port),
    ROOKERY_WORKSPACE: workspace,
    ROOKERY_INSTANCE_NONCE: nonce,
    ...(openclawPackage === undefined ? {} : { ROOKERY_OPENCLAW_PACKAGE: openclawPackage }),
  };
}

/**
 * Spawns the agent in a session of its own, so that it outlives this worker.
 * @throws DomainError code `start_failed` when the system refuses.
 */
export async function launch(how: Launch): Promise<ChildProcess & { readonly pid: number }> {
  try {
    const child = spawn(how.program.node, commandLine(how), {
      cwd: how.workspace,
      env: environment(how),
      detached: true,
      stdio: ['ignore', how.output, how.output],
      ...(how.owner === undefined ? {} : { uid: how.owner, gid: how.owner }),
    });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    return child as ChildProcess & { readonly pid: number };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new DomainError(
      'unavailable',
      'start_failed',
      `The agent's process could not be started (${reason})`,
      {},
      error,
    );
  } finally {
    closeSync(how.output);
  }
}
