import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** True while a process of that id exists, zombies aside. */
export function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

function isZombie(pid) {
  if (process.platform !== 'linux') return false;
  try {
    return statFields(pid)[0] === 'Z';
  } catch {
    return true;
  }
}

/** The fields of /proc/<pid>/stat after the command's name: state first. */
function statFields(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Text that tells a process from a later one of the same id; undefined when there is none. */
export function startTimeOf(pid) {
  try {
    if (process.platform === 'linux') return statFields(pid)[19];
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { LC_ALL: 'C' } }).trim();
  } catch {
    return undefined;
  }
}

/** A record by which the same process is known again. */
export const identityOf = (pid) => ({ pid, startTime: startTimeOf(pid) });

/** True while the recorded process itself, not a successor of its id, lives. */
export const lives = (identity) =>
  Boolean(identity) && isAlive(identity.pid) && startTimeOf(identity.pid) === identity.startTime;

/** Sends a signal; a process that has gone meanwhile is fine. */
export function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Waits until the process is gone. @returns false when it still lives after `timeoutMs`. */
export async function waitForExit(pid, timeoutMs) {
  const until = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > until) return false;
    await sleep(20);
  }
  return true;
}
