import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../log.js';
import { visibleLine } from './console-filter.js';

const PROBE_PAUSE_MS = 200;
const PROBE_TIMEOUT_MS = 2_000;
/** After SIGTERM; OpenClaw without work ends in under a second, but waits for work for more than five minutes. */
const STOP_PATIENCE_MS = 5_000;
const MOST_LINE_CHARACTERS = 64 * 1024;
/** For the gateway's own program; its workers have theirs. */
const HEAP_MB = 768;

export interface Launch {
  readonly packageDir: string;
  readonly stateDir: string;
  readonly workspace: string;
  readonly port: number;
  readonly config: object;
  /** Secrets that the configuration refers to by name. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** OpenClaw's gateway as a child: it listens on loopback only, and what it prints passes a filter. */
export class OpenclawProcess {
  /** Settles with the exit code: of the program, or 137 when it was killed. */
  readonly ended: Promise<number>;
  /** A conversation may have begun: from now on its words stay inside. */
  spoken = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly launch: Launch,
  ) {
    this.ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : 137));
    this.watch(child.stdout);
    this.watch(child.stderr);
  }

  static async start(launch: Launch): Promise<OpenclawProcess> {
    const { stateDir, packageDir, port } = launch;
    const pidFile = join(stateDir, 'gateway.pid');
    const entry = join(packageDir, 'dist', 'index.js');
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    await endLeftover(pidFile, entry);
    writeFileSync(join(stateDir, 'openclaw.json'), JSON.stringify(launch.config, null, 2), { mode: 0o600 });
    const args = [`--max-old-space-size=${HEAP_MB}`, entry, 'gateway', '--port', String(port)];
    const child = spawn(process.execPath, args, {
      cwd: launch.workspace,
      env: environment(launch),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await once(child, 'spawn');
    writeFileSync(pidFile, String(child.pid), { mode: 0o600 });
    return new OpenclawProcess(child, launch);
  }

  /** @returns false when it ended, or did not get ready in time */
  async ready(timeoutMs: number): Promise<boolean> {
    const until = Date.now() + timeoutMs;
    while (Date.now() < until && this.child.exitCode === null && this.child.signalCode === null) {
      if (await answers(this.launch.port)) return true;
      await sleep(PROBE_PAUSE_MS);
    }
    return false;
  }

  /** Asks it to end, then ends it. */
  async stop(): Promise<void> {
    const kill = setTimeout(() => this.child.kill('SIGKILL'), STOP_PATIENCE_MS);
    this.child.kill('SIGTERM');
    await this.ended;
    clearTimeout(kill);
    rmSync(join(this.launch.stateDir, 'gateway.pid'), { force: true });
  }

  private watch(output: NodeJS.ReadableStream | null): void {
    if (!output) return;
    createInterface({ input: output, crlfDelay: Infinity }).on('line', (line) => {
      if (line.length > MOST_LINE_CHARACTERS) return;
      const shown = visibleLine(line, this.spoken);
      if (shown) log(shown.level, this.withoutSecrets(shown.text));
    });
  }

  private withoutSecrets(text: string): string {
    return Object.values(this.launch.secrets).reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text);
  }
}

/** Built from nothing: what the bridge knows besides is not for a program that runs what a model asks for. */
function environment({ stateDir, workspace, secrets }: Launch): Record<string, string> {
  const passed = ['PATH', 'LANG', 'TZ', 'TMPDIR', 'NODE_EXTRA_CA_CERTS'];
  const known = passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return {
    ...(Object.fromEntries(known) as Record<string, string>),
    ...secrets,
    NODE_ENV: 'production',
    HOME: workspace,
    OPENCLAW_HOME: workspace,
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_CONFIG_PATH: join(stateDir, 'openclaw.json'),
    OPENCLAW_DISABLE_BONJOUR: '1',
    OPENCLAW_NO_RESPAWN: '1',
    OPENCLAW_SKIP_CHANNELS: '1',
    OPENCLAW_SKIP_STARTUP_MODEL_PREWARM: '1',
    OPENCLAW_SKIP_BROWSER_CONTROL_SERVER: '1',
    OPENCLAW_NO_AUTO_UPDATE: '1',
    MALLOC_ARENA_MAX: '1',
  };
}

/** A gateway that outlived a killed bridge would hold the state folder. */
async function endLeftover(pidFile: string, entry: string): Promise<void> {
  const pid = Number(textOf(pidFile));
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  const isGateway = (): boolean => textOf(`/proc/${pid}/cmdline`).split('\0').includes(entry);
  for (let tries = 0; tries < 50 && isGateway(); tries += 1) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return;
    }
    await sleep(100);
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = get(
      { host: '127.0.0.1', port, path: '/readyz', agent: false, timeout: PROBE_TIMEOUT_MS },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    probe.on('timeout', () => probe.destroy());
    probe.on('error', () => resolve(false));
  });
}
