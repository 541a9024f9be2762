import { createHash, randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  linkSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  chmodSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DomainError } from '#libs/kernel';

/** A program agents run: the Node binary and the entry file, in a folder that holds nothing else. */
export interface AgentProgram {
  readonly node: string;
  readonly main: string;
}

const BUNDLE = join('dist', 'agent', 'main.js');
const BRIDGE = join('dist', 'openclaw', 'bridge.mjs');
/** Of two programs. */
const KEPT_COPIES = 6;

/** The built agent of this checkout: looked for from the running program upwards, then from the working folder. */
export const findBundle = (): string => findBuilt(BUNDLE);

/** The program that stands in front of OpenClaw, likewise. */
export const findBridge = (): string => findBuilt(BRIDGE);

function findBuilt(file: string): string {
  for (const start of [process.argv[1] ?? process.cwd(), process.cwd()]) {
    for (let folder = start; ; folder = dirname(folder)) {
      if (existsSync(join(folder, file))) return join(folder, file);
      if (folder === dirname(folder)) break;
    }
  }
  return join(process.cwd(), file);
}

/**
 * The program in a place the agents' own users can read: as it is when every folder above lets them through, else a copy
 * in `runtimeFolder` (made once per version).
 * @throws DomainError code `config` when there is no bundle.
 */
export function readableProgram(program: AgentProgram, runtimeFolder: string, foreignUsers: boolean): AgentProgram {
  if (!existsSync(program.main)) {
    throw new DomainError('unavailable', 'config', `The agent program ${program.main} is missing: run npm run build`);
  }
  const real = { node: realpathSync(program.node), main: realpathSync(program.main) };
  if (!foreignUsers || (openToAll(real.node, 0o005) && openToAll(real.main, 0o004))) return real;
  return copyOf(real, runtimeFolder);
}

/** @throws DomainError code `config` when the agents' users can't pass through to `folder`. */
export function checkReachable(folder: string): void {
  if (openToAll(folder, 0o001)) return;
  throw new DomainError(
    'unavailable',
    'config',
    `Agents' own users can't enter ${folder}: set DATA_DIR to a folder that every user may pass through`,
  );
}

/** Whether every user can read the file. */
export const isReadableByAll = (file: string): boolean => openToAll(realpathSync(file), 0o004);

/** Whether others have `mode` on the path and may pass through every folder above it. */
function openToAll(file: string, mode: number): boolean {
  if ((statSync(file).mode & mode) !== mode) return false;
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function copyOf(program: AgentProgram, runtimeFolder: string): AgentProgram {
  const folder = join(runtimeFolder, programVersion(program));
  const copy = { node: join(folder, 'node'), main: join(folder, 'agent', basename(program.main)) };
  if (existsSync(folder)) return copy;
  mkdirSync(runtimeFolder, { recursive: true, mode: 0o711 });
  dropOldest(runtimeFolder);
  const draft = join(runtimeFolder, `.draft-${randomUUID()}`);
  mkdirSync(draft, { mode: 0o755 });
  linkOrCopy(program.node, join(draft, 'node'));
  cpSync(dirname(program.main), join(draft, 'agent'), { recursive: true, dereference: true });
  openUp(draft);
  renameSync(draft, folder);
  return copy;
}

/** Changes with any of the program's files. */
export function programVersion({ node, main }: AgentProgram): string {
  const bundle = readdirSync(dirname(main), { recursive: true, encoding: 'utf8' }).sort();
  const files = [node, ...bundle.map((name) => join(dirname(main), name))];
  const facts = files.map((file) => [file, statSync(file).size, statSync(file).mtimeMs]);
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

function linkOrCopy(from: string, to: string): void {
  if ((statSync(from).mode & 0o005) === 0o005) {
    try {
      linkSync(from, to);
      return;
    } catch {
      // another file system, or one without links: a copy does
    }
  }
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}

function openUp(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openUp(path);
    else if (entry.name !== 'node') chmodSync(path, 0o644);
  }
}

/** Agents of an earlier version that still run load parts of it late, so some copies stay. */
function dropOldest(runtimeFolder: string): void {
  const copies = readdirSync(runtimeFolder)
    .map((name) => ({ path: join(runtimeFolder, name), since: statSync(join(runtimeFolder, name)).mtimeMs }))
    .sort((a, b) => b.since - a.since);
  for (const { path } of copies.slice(KEPT_COPIES - 1)) rmSync(path, { recursive: true, force: true });
}
