import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerSpec } from '../container-runtime.js';

/** What the next instance is to be started from. */
export interface KeptSpec {
  readonly spec: ContainerSpec;
  readonly hash: string;
  readonly port: number;
  /** Version of the program it was made for; absent in specs of earlier versions. */
  readonly imageId?: string;
}

/** Written before a process is spawned, so that a crash right after it can find the process by its nonce. */
export interface Intent {
  readonly nonce: string;
}

/** Who the agent's process is: pid, when it began, and the nonce its `/healthz` tells. */
export interface Identity extends Intent {
  readonly pid: number;
  readonly startMark: string;
  readonly startedAt: string;
}

/** How an instance ended, as far as the worker that started it saw it. */
export interface Ending extends Intent {
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
}

interface Kept {
  spec: KeptSpec;
  intent: Intent;
  identity: Identity;
  ending: Ending;
  files: readonly string[];
  /** Mark of the last restore of the workspace. */
  copy: string;
}

/** Everything kept on disk for one agent: `DATA_DIR/agents/<id>/`. Files are replaced whole, never edited. */
export class AgentFolder {
  readonly workspace: string;
  readonly output: string;
  readonly lock: string;

  constructor(readonly path: string) {
    this.workspace = join(path, 'workspace');
    this.output = join(path, 'output');
    this.lock = join(path, 'start.lock');
  }

  /** A workspace that has to be made anew is not the one that was marked. */
  create(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o711 });
    if (!existsSync(this.workspace)) this.drop('copy');
    mkdirSync(this.workspace, { recursive: true, mode: 0o700 });
    mkdirSync(this.output, { recursive: true, mode: 0o700 });
  }

  read<K extends keyof Kept>(what: K): Kept[K] | undefined {
    try {
      return JSON.parse(readFileSync(this.file(what), 'utf8')) as Kept[K];
    } catch {
      return undefined;
    }
  }

  write<K extends keyof Kept>(what: K, value: Kept[K]): void {
    writeFileSync(this.draft(what), JSON.stringify(value), { mode: 0o600 });
    renameSync(this.draft(what), this.file(what));
  }

  /** With the draft that a worker left which died while it wrote. */
  drop(...what: (keyof Kept)[]): void {
    for (const name of what) for (const path of [this.draft(name), this.file(name)]) rmSync(path, { force: true });
  }

  /** The spec goes last: as long as it is there the instance is, and whoever finds it removes the rest. */
  dropInstance(): void {
    this.drop('ending', 'identity', 'spec');
  }

  /** All that is in it. */
  clear(): void {
    if (!existsSync(this.path)) return;
    for (const name of readdirSync(this.path)) rmSync(join(this.path, name), { recursive: true, force: true });
  }

  wipe(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Always the same, so that the next writer takes the place of one that died. */
  private draft(what: keyof Kept): string {
    return join(this.path, `.${what}.draft`);
  }

  private file(what: keyof Kept): string {
    return join(this.path, `${what}.json`);
  }
}
