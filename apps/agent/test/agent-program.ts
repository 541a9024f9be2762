import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export const GATEWAY_TOKEN = 'test-gateway-token';
export const LLM_TOKEN = 'test-agent-token';

const START_TIMEOUT_MS = 20_000;
const run = promisify(execFile);

/** Bundles the program as it ships. @returns the folder, to be removed by the caller */
export async function buildAgent(): Promise<string> {
  const parent = await temporaryFolder();
  const folder = join(parent, 'agent');
  await run(process.execPath, [resolve('scripts/build-agent.mjs'), folder]);
  return folder;
}

export const temporaryFolder = async (): Promise<string> => realpath(await mkdtemp(join(tmpdir(), 'rookery-agent-')));

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

export interface AgentOptions {
  readonly program: string;
  readonly workspace: string;
  readonly provider: string;
  readonly baseUrl: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** False: the permission model lets it read its workspace only. */
  readonly writable?: boolean;
  /** True: without the permission model, as in a container. */
  readonly inContainer?: boolean;
}

/** A house runtime running as it does in the process runtime: own process, permission model on, environment from nothing. */
export class AgentProgram {
  readonly lines: string[] = [];
  url = '';
  private readonly exit: Promise<number | null>;

  private constructor(private readonly child: ChildProcess) {
    this.exit = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null));
  }

  /** Starts and waits until it listens, or rejects with its last words. */
  static async start(options: AgentOptions): Promise<AgentProgram> {
    const { program, workspace } = options;
    const permissions = [
      '--permission',
      `--allow-fs-read=${program}`,
      `--allow-fs-read=${workspace}`,
      ...(options.writable === false ? [] : [`--allow-fs-write=${workspace}`]),
    ];
    const child = spawn(
      process.execPath,
      [...(options.inContainer === true ? [] : permissions), join(program, 'main.js')],
      {
        env: environment(options),
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const agent = new AgentProgram(child);
    await agent.untilListening();
    return agent;
  }

  /** @returns the exit code; null when a signal ended it */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exit;
  }

  private async untilListening(): Promise<void> {
    const { stdout, stderr } = this.child;
    if (!stdout || !stderr) throw new Error('the agent has no output');
    const listening = new Promise<void>((done) => {
      createInterface({ input: stdout }).on('line', (line) => {
        this.lines.push(line);
        const port = /listens on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (port) this.url = `http://127.0.0.1:${port}`;
        if (port) done();
      });
    });
    createInterface({ input: stderr }).on('line', (line) => this.lines.push(line));
    const timer = setTimeout(() => this.child.kill('SIGKILL'), START_TIMEOUT_MS);
    const ended = once(this.child, 'close').then(() => {
      throw new Error(this.lines.join('\n'));
    });
    try {
      await Promise.race([listening, ended]);
    } finally {
      clearTimeout(timer);
      ended.catch(() => undefined);
    }
  }
}

function environment(options: AgentOptions): Record<string, string> {
  return {
    ROOKERY_AGENT_ID: 'agent-1',
    ROOKERY_AGENT_NAME: 'test-agent',
    ROOKERY_BIND: '127.0.0.1',
    ROOKERY_PORT: '0',
    ROOKERY_WORKSPACE: options.workspace,
    ROOKERY_GATEWAY_TOKEN: GATEWAY_TOKEN,
    ROOKERY_INSTANCE_NONCE: 'nonce-1',
    ROOKERY_LLM_PROVIDER: options.provider,
    ROOKERY_LLM_BASE_URL: options.baseUrl,
    ROOKERY_LLM_TOKEN: LLM_TOKEN,
    ROOKERY_PROVIDER_RETRIES: '0',
    ...options.environment,
  };
}
