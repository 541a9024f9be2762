// A stand-in for an agent's program, small enough for the conformance suite to own. Answers what the suite asks over
// the gateway's port; the port, workspace and nonce come from the environment as for any agent.
import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

const { ROOKERY_BIND, ROOKERY_PORT, ROOKERY_WORKSPACE, ROOKERY_INSTANCE_NONCE, ROOKERY_AGENT_ID } = process.env;
const say = (level, text) => process.stdout.write(`${new Date().toISOString()} [${level}] ${text}\n`);

const starts = join(ROOKERY_WORKSPACE, 'starts.txt');
const count = (existsSync(starts) ? Number(readFileSync(starts, 'utf8')) : 0) + 1;
writeFileSync(starts, String(count));

const attempt = (run) => {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    return { ok: false, code: error.code ?? error.message };
  }
};

const reach = (host, port) =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1500 });
    socket.once('connect', () => resolve('open') || socket.destroy());
    socket.once('timeout', () => resolve('timeout') || socket.destroy());
    socket.once('error', (error) => resolve(error.code));
  });

const databases = new Map();
const rows = async (path, count) => {
  const { DatabaseSync } = await import('node:sqlite');
  if (!databases.has(path)) {
    const made = new DatabaseSync(path);
    made.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE IF NOT EXISTS t (n INTEGER)');
    databases.set(path, made);
  }
  for (let n = 0; n < count; n++) databases.get(path).exec(`INSERT INTO t VALUES (${n})`);
  return {};
};

const routes = {
  '/healthz': () => ({ status: 'ok', agentId: ROOKERY_AGENT_ID, nonce: ROOKERY_INSTANCE_NONCE }),
  '/readyz': () => ({}),
  '/about': () => ({ pid: process.pid, uid: process.getuid(), gid: process.getgid(), env: process.env, starts: count }),
  '/limits': () => ({ status: readFileSync('/proc/self/status', 'utf8'), interfaces: networkInterfaces() }),
  '/link': (query) => attempt(() => symlinkSync(query.get('to'), query.get('path'))),
  '/read': (query) => attempt(() => readFileSync(query.get('path'), 'utf8')),
  '/write': (query) => attempt(() => writeFileSync(query.get('path'), query.get('content') ?? '')),
  // rows that are only in the log of a database that stays open
  '/rows': (query) => rows(query.get('path'), Number(query.get('count'))),
  '/print': (query) => say('info', query.get('text')),
  '/flood': (query) => {
    for (let line = 0; line < Number(query.get('lines')); line++) say('debug', `${line} ${'x'.repeat(200)}`);
  },
  '/reach': async (query) => ({ outcome: await reach(query.get('host'), Number(query.get('port'))) }),
  '/resolve': async (query) => {
    try {
      return await lookup(query.get('name'));
    } catch (error) {
      return { code: error.code };
    }
  },
  '/get': async (query) => ({ body: await (await fetch(query.get('url'))).text() }),
  '/eat': () => {
    const eaten = [];
    for (;;) eaten.push(Buffer.alloc(8 * 1024 * 1024, 1));
  },
  '/spin': (query) => {
    const end = Date.now() + Number(query.get('ms'));
    while (Date.now() < end);
  },
  '/exit': (query) => process.exit(Number(query.get('code'))),
};

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://agent');
  const route = routes[url.pathname];
  response.statusCode = route ? 200 : 404;
  response.end(JSON.stringify((await route?.(url.searchParams)) ?? {}));
}).listen(Number(ROOKERY_PORT), ROOKERY_BIND, () => say('info', `listens, start ${count}`));

process.on('SIGTERM', () => {
  if (process.env.STUBBORN === '1') return;
  say('info', 'ends');
  process.exit(0);
});
