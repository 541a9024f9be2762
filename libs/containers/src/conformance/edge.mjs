// A stand-in for the edge, for suites that prove containers and not the edge: its relay passes GET requests to the
// endpoint a token names, without checking the token; its agent door says hello.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';

const { EDGE_RELAY_PORT, EDGE_AGENT_PORT, DATABASE_URL_FILE } = process.env;

const databaseAddress = () => readFileSync(DATABASE_URL_FILE, 'utf8');

const about = () => {
  const folder = new URL(databaseAddress()).searchParams.get('host');
  return { uid: process.getuid(), databaseUrl: databaseAddress(), socketFolder: folder ? readdirSync(folder) : null };
};

createServer((request, response) => {
  const url = new URL(request.url, 'http://edge');
  const [, path] = /^\/relay\/[^/]+(\/.*)$/.exec(url.pathname) ?? [];
  if (path === undefined) return response.end(JSON.stringify(about()));
  const payload = request.headers.authorization.split('.')[1];
  const { endpoint } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  const passed = get(`http://${endpoint}${path}${url.search}`, { agent: false, timeout: 5000 }, (answer) => {
    response.writeHead(answer.statusCode);
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  passed.on('timeout', () => passed.destroy());
  passed.on('error', () => {
    if (!response.headersSent) response.writeHead(502);
    response.end('{}');
  });
}).listen(Number(EDGE_RELAY_PORT), '0.0.0.0');

// a suite may have the edge itself on this machine, at the port it names in the database's address
const door = new URL(databaseAddress()).searchParams.get('door');
if (door === null) {
  createServer((request, response) => response.end('hello from the door')).listen(Number(EDGE_AGENT_PORT), '0.0.0.0');
} else {
  createTcpServer((near) => {
    const far = connect(Number(door), 'host.docker.internal');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ])
      one.on('error', () => other.destroy()).pipe(other);
  }).listen(Number(EDGE_AGENT_PORT), '0.0.0.0');
}

process.on('SIGTERM', () => process.exit(0));
