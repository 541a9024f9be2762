import * as fs from 'node:fs';
import { request } from 'node:http';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { LAYOUT, holderOf } from './data-folder.mjs';
import { givenDatabase } from './database.mjs';
import { ROOT, dataFolder, everyoneReaches, isRoot } from './environment.mjs';
import { connectionProblem, isFree } from './network.mjs';

const GIGABYTE = 1024 ** 3;
const LEAST_FREE_GB = 1;
const GOOD_FREE_GB = 5;
const LEAST_MEMORY_GB = 1;
const MOST_CLOCK_SKEW_MS = 5_000;
const LEAST_POSTGRES = 14;
const SOCKET = '/var/run/docker.sock';
const LEAST_ENGINE_API = 1.41;

/** What a check found: `ok`, `warn` (it works, but) or `bad`; `todo` says what to do about it. */
const ok = (found) => ({ level: 'ok', found });
const warn = (found, todo) => ({ level: 'warn', found, todo });
const bad = (found, todo) => ({ level: 'bad', found, todo });

/** Every check by name, in the order in which a start would meet what they find. Each answers and none changes anything. */
export const CHECKS = {
  'Node.js': checkNode,
  'data folder': checkFolder,
  'disk space': checkDisk,
  memory: checkMemory,
  port: checkPort,
  database: checkDatabase,
  Redis: checkRedis,
  isolation: checkIsolation,
  'container engine': checkEngine,
};

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return fits ? ok(process.versions.node) : bad(process.versions.node, 'Install Node.js 20.19 or newer');
}

function checkFolder() {
  const dir = dataFolder();
  const present = nearest(dir);
  try {
    fs.accessSync(present, fs.constants.W_OK | fs.constants.X_OK);
  } catch {
    return bad(`${present} can't be written to`, 'Set DATA_DIR to a folder of this user, or change its owner');
  }
  if (isRoot() && !everyoneReaches(dir)) {
    return bad(
      `${dir} can't be reached by other users`,
      'Set DATA_DIR to a folder such as /var/lib/rookery: agents run as other users',
    );
  }
  const version = join(dir, 'VERSION');
  const layout = fs.existsSync(version) ? fs.readFileSync(version, 'utf8').trim() : undefined;
  if (layout !== undefined && layout !== LAYOUT) {
    return bad(`${dir}, layout ${layout}`, `Use the version of Rookery that made it: this one knows layout ${LAYOUT}`);
  }
  return ok(layout === undefined ? `${dir}, to be made` : `${dir}, layout ${layout}`);
}

function checkDisk() {
  const { bavail, bsize } = fs.statfsSync(nearest(dataFolder()));
  const free = (bavail * bsize) / GIGABYTE;
  const found = `${free.toFixed(1)} GB free`;
  if (free < LEAST_FREE_GB)
    return bad(found, 'Free some space: Postgres stops when the disk is full, and agents with it');
  return free < GOOD_FREE_GB
    ? warn(found, `Below ${GOOD_FREE_GB} GB logs and files of agents fill it soon`)
    : ok(found);
}

function checkMemory() {
  const found = `${(freemem() / GIGABYTE).toFixed(1)} of ${(totalmem() / GIGABYTE).toFixed(1)} GB free`;
  if (totalmem() < LEAST_MEMORY_GB * GIGABYTE)
    return bad(found, 'Rookery alone takes half a gigabyte: use a larger machine');
  return freemem() < GIGABYTE / 2 ? warn(found, 'End other programs, or lower HOST_CAPACITY') : ok(found);
}

async function checkPort() {
  const holder = holderOf(dataFolder());
  if (holder) return ok(`Rookery runs here, process ${holder.pid}`);
  const port = Number(process.env.PORT ?? 3000);
  const host = process.env.HOST ?? '127.0.0.1';
  if (port === 0 || (await isFree(port, host))) return ok(`${host}:${port} is free`);
  return process.env.PORT
    ? bad(`${host}:${port} is taken`, 'End what listens there, or set another PORT')
    : warn(`${host}:${port} is taken`, 'The next free one will be used; set PORT to have a fixed one');
}

async function checkDatabase() {
  const url = givenDatabase();
  if (url === undefined) return ok('the embedded Postgres');
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    const asked = Date.now();
    const { rows } = await client.query(
      `SELECT current_setting('server_version_num')::int AS version, extract(epoch FROM clock_timestamp()) * 1000 AS now,
              pg_is_in_recovery() AS standby, current_setting('max_connections')::int AS connections`,
    );
    return judged(rows[0], (asked + Date.now()) / 2);
  } catch (error) {
    return bad(error.message, 'Check DATABASE_URL, that Postgres runs, and that this machine may connect to it');
  } finally {
    await client.end().catch(() => undefined);
  }
}

function judged({ version, now, standby, connections }, hereMs) {
  const name = `Postgres ${Math.floor(version / 10_000)}`;
  if (version < LEAST_POSTGRES * 10_000) return bad(name, `Use Postgres ${LEAST_POSTGRES} or newer`);
  if (standby) return bad(`${name}, a standby`, 'Let DATABASE_URL name the primary');
  const skewMs = Number(now) - hereMs;
  const found = `${name}, ${connections} connections, its clock ${(Math.abs(skewMs) / 1000).toFixed(1)} s off ours`;
  if (Math.abs(skewMs) > MOST_CLOCK_SKEW_MS) {
    return warn(found, 'Set the clock (NTP) of both machines: tokens are signed with this one and expire by the other');
  }
  return connections < 50 ? warn(found, 'Raise max_connections to 100: each program holds up to 20') : ok(found);
}

async function checkRedis() {
  const given = process.env.REDIS_URL?.trim();
  if (!given) return ok('not used: Postgres carries the queue');
  if (!URL.canParse(given)) return bad('REDIS_URL is no URL', 'Write it as redis://user:password@host:6379');
  const { hostname, port } = new URL(given);
  const problem = await connectionProblem(hostname.replace(/^\[|\]$/g, ''), Number(port) || 6379);
  return problem
    ? bad(problem, 'Check REDIS_URL and that Redis runs; without it Postgres carries the queue')
    : ok(hostname);
}

function checkIsolation() {
  if (process.env.RUNTIME === 'docker') return ok('agents run in containers, without a way out but the edge');
  const todo = 'For several tenants set RUNTIME=docker: processes share kernel and network';
  return isRoot()
    ? warn('agents are processes, each of a user of its own', todo)
    : warn('agents are processes of this user', todo);
}

async function checkEngine() {
  const wanted = process.env.RUNTIME === 'docker';
  const version = await engineVersion();
  if (version === undefined) {
    return wanted
      ? bad('nothing answers at /var/run/docker.sock', 'Start the Docker engine, and let this user use its socket')
      : ok('not needed');
  }
  const found = `Docker ${version.Version}, API ${version.ApiVersion}`;
  if (Number(version.ApiVersion) < LEAST_ENGINE_API) return (wanted ? bad : warn)(found, 'Use Docker 20.10 or newer');
  return ok(found);
}

/** Undefined when there is none that this user may ask. */
function engineVersion() {
  return new Promise((resolve) => {
    const asking = request({ socketPath: SOCKET, path: '/version', timeout: 3_000 }, async (res) => {
      let text = '';
      for await (const chunk of res.setEncoding('utf8')) text += chunk;
      resolve(res.statusCode === 200 ? JSON.parse(text) : undefined);
    });
    asking.on('timeout', () => asking.destroy());
    asking.on('error', () => resolve(undefined));
    asking.end();
  });
}

/** The folder, or the nearest above it that exists. */
function nearest(folder) {
  return fs.existsSync(folder) || folder === ROOT ? folder : nearest(dirname(folder));
}
