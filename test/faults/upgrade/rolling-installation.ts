import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, reverseProxy } from '#libs/testing';
import { type StartedProgram, startProgram } from '../programs.js';

const run = promisify(execFile);
/** For a program to end after SIGTERM. */
const PATIENCE_MS = 60_000;

type Name = 'api' | 'worker' | 'edge';

/** Programs of one installation, each of a version of its own, its API behind a plain reverse proxy. */
export class RollingInstallation {
  private readonly running = new Map<Name, StartedProgram>();
  private readonly proxy: Server;
  private apiUrl = '';

  private constructor(private readonly environment: Readonly<Record<string, string>>) {
    this.proxy = reverseProxy(() => this.apiUrl);
  }

  static async open(environment: Readonly<Record<string, string>>): Promise<RollingInstallation> {
    const installation = new RollingInstallation(environment);
    await once(installation.proxy.listen(0, '127.0.0.1'), 'listening');
    return installation;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.proxy.address() as AddressInfo).port}`;
  }

  /** Brings the schema to that version. */
  async migrate(root: string): Promise<void> {
    await this.command(root, 'worker/src/cli/migrate.js');
  }

  /** The key of the platform's first admin. */
  async firstKey(root: string): Promise<string> {
    const made = await this.command(root, 'api/src/cli/admin-create.js', '--first', '--json');
    return (JSON.parse(made) as { apiKey: string }).apiKey;
  }

  /** Starts the program of that version; the one it replaces ends before it (its port is taken over) or, the API, after it. */
  async replace(name: Name, root: string): Promise<void> {
    const former = this.running.get(name);
    if (former && name !== 'api') await end(former);
    const port = String(await freePort());
    const role: Record<string, string> = { api: { PORT: port }, worker: { ROLE: 'host' }, edge: { ROLE: 'edge' } }[
      name
    ];
    const program = join(root, 'dist/apps', name === 'api' ? 'api' : 'worker', 'src/main.js');
    const started = startProgram(program, { ...this.environment, ...role }, root);
    this.running.set(name, started);
    await started.ready;
    if (name !== 'api') return;
    this.apiUrl = `http://127.0.0.1:${port}`;
    if (former) await end(former);
  }

  async close(): Promise<void> {
    for (const name of ['worker', 'api', 'edge'] as const) {
      const program = this.running.get(name);
      if (program) await end(program);
    }
    this.proxy.closeAllConnections();
    this.proxy.close();
  }

  private async command(root: string, program: string, ...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, ...this.environment };
    const { stdout } = await run(process.execPath, [join(root, 'dist/apps', program), ...args], { cwd: root, env });
    return stdout;
  }
}

async function end(program: StartedProgram): Promise<void> {
  const patience = setTimeout(() => program.child.kill('SIGKILL'), PATIENCE_MS);
  await program.end('SIGTERM');
  clearTimeout(patience);
  if (program.child.signalCode === 'SIGKILL') throw new Error(`A program did not end in time:\n${program.output()}`);
}
