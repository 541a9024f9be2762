import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { DomainError } from '#libs/kernel';
import { sleep } from '../waiting.js';
import { startMark } from './process-table.js';

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * Runs `task` while holding a lock file that names its holder. A lock whose holder has died is taken over,
 * a live holder is waited for until the signal fires.
 */
export async function withStartLock<T>(file: string, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
  const holder = JSON.stringify({ pid: process.pid, startMark: await startMark(process.pid) });
  while (!take(file, holder)) {
    if (await clearDead(file)) continue;
    if (!(await sleep(50, signal)))
      throw new DomainError('unavailable', 'start_locked', 'Another worker holds this agent');
  }
  try {
    return await task();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string, holder: string): boolean {
  try {
    writeFileSync(file, holder, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Moves a dead holder's lock away; true when it is worth trying again. */
async function clearDead(file: string): Promise<boolean> {
  const text = contents(file);
  if (text === undefined) return true;
  const holder = parsed(text);
  if (holder !== undefined && (await startMark(holder.pid)) === holder.startMark) return false;
  if (contents(file) !== text) return true;
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  rmSync(aside, { force: true });
  return true;
}

function contents(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function parsed(text: string): { pid: number; startMark: string | null } | undefined {
  try {
    return JSON.parse(text) as { pid: number; startMark: string | null };
  } catch {
    return undefined;
  }
}
