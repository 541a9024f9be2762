import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';

/** A Redis of the suite's own on a loopback port, with nothing kept on disk. */
export interface TestRedis {
  readonly url: string;
  /** FLUSHALL. */
  flush(): Promise<void>;
  /** Kills the server and starts it again, empty, on the same port. */
  restart(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, empty, on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Below those that the kernel gives to outgoing connections: one of these may have it before the program that is to listen. */
const PORTS = { first: 20_000, behind: 32_768 };
const given = new Set<number>();

/** A TCP port on 127.0.0.1 that nobody uses just now, never the same twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.behind);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Starts `redis-server`; guard the suite with `describeIf(requireTool('redis-server'), …)`. */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'rookery-redis-'));
  let server = await launchRedis(port, dir);
  return {
    url: `redis://127.0.0.1:${port}`,
    flush: async () => {
      await redisCommand(port, 'FLUSHALL');
    },
    restart: async () => {
      await ended(server);
      server = await launchRedis(port, dir);
    },
    kill: () => ended(server),
    start: async () => {
      server = await launchRedis(port, dir);
    },
    stop: async () => {
      await ended(server);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function launchRedis(port: number, dir: string): Promise<ChildProcess> {
  const settings = { port, bind: '127.0.0.1', dir, save: '', appendonly: 'no', 'maxmemory-policy': 'noeviction' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  await eventually(async () => (await redisCommand(port, 'PING')).startsWith('+PONG'));
  return server;
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill('SIGKILL');
  await once(server, 'exit');
}

async function redisCommand(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(`${command}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  } finally {
    socket.destroy();
  }
}
