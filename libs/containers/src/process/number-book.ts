import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';

/**
 * Gives every agent a number of its own (a port, a user id) and keeps it in a folder, where it is found again after a restart: for
 * each number a link that names its holder. A link is made at once or not at all, so two workers never give the same one,
 * and a worker that dies leaves none without a holder.
 */
export class NumberBook {
  constructor(
    private readonly folder: string,
    private readonly first: number,
    private readonly count: number,
  ) {}

  /** The agent's number; a new one, tried with `usable`, when it has none. The search starts at a place the id decides. */
  async numberOf(agentId: string, usable: (candidate: number) => Promise<boolean> = accept): Promise<number> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const known = this.find(agentId);
    if (known !== undefined) return known;
    const offset = createHash('sha256').update(agentId).digest().readUInt32BE(0);
    for (let step = 0; step < this.count; step++) {
      const candidate = this.first + ((offset + step) % this.count);
      if (!this.claim(candidate, agentId)) continue;
      if (await usable(candidate)) return candidate;
      this.release(candidate);
    }
    throw new DomainError('no_capacity', 'no_capacity', 'This host has no free port or user id left for another agent');
  }

  find(agentId: string): number | undefined {
    const name = this.names().find((candidate) => this.holder(candidate) === agentId);
    return name === undefined ? undefined : Number(name);
  }

  forget(agentId: string): void {
    const known = this.find(agentId);
    if (known !== undefined) this.release(known);
  }

  private claim(candidate: number, agentId: string): boolean {
    try {
      symlinkSync(agentId, join(this.folder, String(candidate)));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return false;
    }
  }

  private release(candidate: number): void {
    rmSync(join(this.folder, String(candidate)), { force: true });
  }

  /** Earlier versions wrote files. */
  private holder(name: string): string | undefined {
    const path = join(this.folder, name);
    return tried(() => readlinkSync(path)) ?? tried(() => readFileSync(path, 'utf8'));
  }

  private names(): string[] {
    try {
      return readdirSync(this.folder);
    } catch {
      return [];
    }
  }
}

function tried(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const accept = (): Promise<boolean> => Promise.resolve(true);
