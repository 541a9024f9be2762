import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LINUX = process.platform === 'linux';
/** Kernel clock ticks a second, fixed at 100 in Linux's userspace interface. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** Use of a process since it began. */
export interface ProcessUse {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

/**
 * When a process began, in a form that differs for every later owner of the same pid (boot id and start ticks on Linux,
 * `ps -o lstart` elsewhere); null when it does not run or only waits to be reaped.
 */
export async function startMark(pid: number): Promise<string | null> {
  if (!Number.isSafeInteger(pid) || pid <= 1) return null;
  if (LINUX) {
    const fields = procStat(pid);
    return fields === undefined || 'ZX'.includes(fields[0] ?? 'X') ? null : `${bootId()}:${fields[19]}`;
  }
  const line = await ps(['-o', 'stat=,lstart=', '-p', String(pid)]);
  const [, state = 'Z', since = ''] = /^\s*(\S+)\s+(.*?)\s*$/.exec(line) ?? [];
  return state.startsWith('Z') || since === '' ? null : since;
}

/** Processes whose command line holds `argument` as a whole word of its own. */
export async function findByArgument(argument: string): Promise<number[]> {
  if (!LINUX) {
    const lines = (await ps(['-axo', 'pid=,command='])).split('\n');
    return lines.filter((line) => line.trim().split(' ').includes(argument)).map((line) => Number.parseInt(line, 10));
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandLine(pid).includes(argument)).map(Number);
}

/** Null when the process is gone. */
export async function useOf(pid: number): Promise<ProcessUse | null> {
  if (LINUX) {
    const fields = procStat(pid);
    if (fields === undefined) return null;
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    return { residentBytes: Number(fields[21]) * PAGE_BYTES, cpuSeconds };
  }
  const [rss = '', time = ''] = (await ps(['-o', 'rss=,time=', '-p', String(pid)])).trim().split(/\s+/);
  if (rss === '') return null;
  const cpuSeconds = time.split(':').reduce((sum, part) => sum * 60 + Number.parseFloat(part), 0);
  return { residentBytes: Number(rss) * 1024, cpuSeconds };
}

/** A process with all it has started. */
export async function useOfTree(pid: number): Promise<ProcessUse | null> {
  const own = await useOf(pid);
  if (own === null) return null;
  const below = await Promise.all(childrenOf(pid).map(useOfTree));
  return below.reduce<ProcessUse>(
    (sum, use) => ({
      residentBytes: sum.residentBytes + (use?.residentBytes ?? 0),
      cpuSeconds: sum.cpuSeconds + (use?.cpuSeconds ?? 0),
    }),
    own,
  );
}

/** Only Linux tells them cheaply; elsewhere a process stands for itself. */
function childrenOf(pid: number): number[] {
  if (!LINUX) return [];
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'));
    return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  } catch {
    return [];
  }
}

/** Signals a whole process group; false when there is none. */
export function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** The fields of /proc/<pid>/stat from the state on (field 3 is index 0), past a name that may hold spaces. */
function procStat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}

async function ps(args: string[]): Promise<string> {
  try {
    return (await run('ps', args, { maxBuffer: 16 * 1024 * 1024, env: { PATH: process.env['PATH'], LC_ALL: 'C' } }))
      .stdout;
  } catch {
    return '';
  }
}
