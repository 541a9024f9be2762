import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';

/**
 * Gives every agent a number of its own (a port, a user id) and keeps it in a folder: one file a number, made with
 * O_EXCL, so two workers never give the same one, and found again after a restart.
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
      writeFileSync(join(this.folder, String(candidate)), agentId, { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return false;
    }
  }

  private release(candidate: number): void {
    rmSync(join(this.folder, String(candidate)), { force: true });
  }

  private holder(name: string): string | undefined {
    try {
      return readFileSync(join(this.folder, name), 'utf8');
    } catch {
      return undefined;
    }
  }

  private names(): string[] {
    try {
      return readdirSync(this.folder);
    } catch {
      return [];
    }
  }
}

const accept = (): Promise<boolean> => Promise.resolve(true);
