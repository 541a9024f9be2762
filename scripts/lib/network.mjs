import { once } from 'node:events';
import * as http from 'node:http';
import { connect, createServer } from 'node:net';

/** True when nothing listens on the address. @throws the system's error when it can't be listened on for another reason */
export async function isFree(port, host) {
  const server = createServer();
  server.listen({ port, host, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error.code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** A port of `host` that nobody uses just now. */
export async function freePort(host) {
  const server = createServer();
  server.listen({ port: 0, host });
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Status code of a GET, or undefined while nothing answers. */
export function statusOf(url) {
  return new Promise((resolve) => {
    const request = http.get(url, { timeout: 3_000, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}

/** Why no connection to the address comes about; undefined when it does. */
export function connectionProblem(host, port, timeoutMs = 5_000) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const done = (problem) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => done(undefined));
    socket.once('timeout', () => done(`no answer within ${timeoutMs / 1000} s`));
    socket.once('error', (error) => done(error.code ?? error.message));
  });
}
