import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { everyoneReaches, isRoot } from './environment.mjs';
import { Failure } from './failure.mjs';
import { identityOf, lives } from './processes.mjs';

/** How things lie in a data folder; another is refused. */
export const LAYOUT = '1';

/**
 * Makes the folder and checks that this version knows its layout. Root's agents, each a user of its own, may pass through
 * it; what others may not read has a folder of its own in it.
 */
export function openDataFolder(dir) {
  makeFolders(dir, isRoot() ? 0o711 : 0o700);
  if (isRoot()) fs.chmodSync(dir, fs.statSync(dir).mode | 0o011);
  if (isRoot() && !everyoneReaches(dir)) {
    throw new Failure(
      `DATA_DIR ${dir} can't be reached by the users that Postgres and agents run as: choose a folder such as /var/lib/rookery`,
    );
  }
  const version = join(dir, 'VERSION');
  if (!fs.existsSync(version)) replaceFile(version, `${LAYOUT}\n`);
  const found = fs.readFileSync(version, 'utf8').trim();
  if (found !== LAYOUT) {
    throw new Failure(
      `${dir} has layout ${found}, this version of Rookery knows ${LAYOUT}: use the version that made it`,
    );
  }
}

/** One after the other: where /proc refuses a folder, mkdir's own recursion never ends. */
function makeFolders(dir, mode) {
  if (fs.existsSync(dir)) return;
  if (dir !== dirname(dir)) makeFolders(dirname(dir), mode);
  fs.mkdirSync(dir, { mode });
}

const lockFile = (dir) => join(dir, 'rookery.lock');

/** Who runs on the folder just now: `{ pid, startTime, address?, databaseUrl? }`, or undefined. */
export function holderOf(dir) {
  const holder = readJson(lockFile(dir));
  return lives(holder) ? holder : undefined;
}

/**
 * Takes the folder for this process. @throws Failure while another process has it.
 * @returns `{ update(fields), release() }`
 */
export function takeLock(dir) {
  const mine = identityOf(process.pid);
  const file = lockFile(dir);
  while (!wrote(file, mine)) {
    const holder = readJson(file);
    if (lives(holder)) throw alreadyRuns(dir, holder);
    discard(file, holder, dir);
  }
  let content = mine;
  return {
    update: (fields) => {
      content = { ...content, ...fields };
      writeJson(file, content);
    },
    release: () => fs.rmSync(file, { force: true }),
  };
}

const alreadyRuns = (dir, { pid, address }) =>
  new Failure(
    `Rookery already runs on ${dir} (process ${pid}${address ? `, ${address}` : ''}): stop that one first, or set DATA_DIR to another folder`,
  );

/** A complete lock file appears at once (link), so no reader ever meets a half-written one. */
function wrote(file, content) {
  const draft = `${file}.${process.pid}`;
  try {
    fs.writeFileSync(draft, JSON.stringify(content), { mode: 0o600 });
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/** Removes a dead process's lock, unless a third process took the folder in between. */
function discard(file, dead, dir) {
  const aside = `${file}.old.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  const moved = readJson(aside);
  if (lives(moved) && moved.pid !== dead?.pid) {
    fs.renameSync(aside, file);
    throw alreadyRuns(dir, moved);
  }
  fs.rmSync(aside, { force: true });
}

/** Parsed content of a file; undefined when missing or broken. */
export function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Replaces a file's content at once, readable by its owner only. */
export function writeJson(file, content) {
  replaceFile(file, `${JSON.stringify(content, null, 2)}\n`, 0o600);
}

/** The file has the old content or the whole new one, also where the disk is full. */
function replaceFile(file, content, mode) {
  const draft = `${file}.${process.pid}`;
  try {
    fs.writeFileSync(draft, content, { mode });
    fs.renameSync(draft, file);
  } finally {
    fs.rmSync(draft, { force: true });
  }
}
