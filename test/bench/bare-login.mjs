// The least that sign-ins can be: plain node:http, and two threads of the lowest priority that check a password with the same
// library. No database, no session, no token. POST checks, GET answers at once.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { constants, setPriority } from 'node:os';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { hashSync, verifySync } from '@node-rs/argon2';

const PASSWORD = 'Bench-Pass-4711';

if (isMainThread) await serve();
else check();

async function serve() {
  const idle = [0, 1].map(() => new Worker(new URL(import.meta.url)));
  const waiting = [];
  const next = () => {
    if (idle.length === 0 || waiting.length === 0) return;
    const [thread, response] = [idle.pop(), waiting.shift()];
    thread.once('message', (matches) => {
      idle.push(thread);
      response.writeHead(matches ? 200 : 401).end();
      next();
    });
    thread.postMessage(PASSWORD);
  };
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'GET') return response.end();
    waiting.push(response);
    next();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.stdout.write(`http://127.0.0.1:${server.address().port}\n`);
  process.once('SIGTERM', () => process.exit(0));
}

function check() {
  if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW);
  const phc = hashSync(PASSWORD, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  parentPort.on('message', (password) => parentPort.postMessage(verifySync(phc, password)));
}
