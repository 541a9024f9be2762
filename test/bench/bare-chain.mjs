// The least that API and relay can be and still do the job: Fastify with the hash of an API key looked up, two named pg
// statements that write, and a plain node:http relay, which pass a gateway's stream on. `GATEWAY` answers, `DATABASE_URL` stores.
// And the least that a broker can be: the same relay after one named pg statement that reads.
import { createHash, randomUUID } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import Fastify from 'fastify';
import { Pool } from 'pg';

const { AGENT, DATABASE_URL, GATEWAY, KEY, ROLE, RELAY } = process.env;
const PASSED = ['authorization', 'x-openclaw-session-key', 'x-rookery-turn'];
const sockets = new Agent({ keepAlive: true, maxSockets: Infinity });
const pass = (url, body, headers, onAnswer) => {
  const sent = request(url, {
    method: 'POST',
    agent: sockets,
    headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  sent.on('response', onAnswer);
  sent.end(body);
};
const textOf = async (stream) => Buffer.concat(await stream.toArray()).toString();

process.stdout.write(`${await (ROLE === 'api' ? api() : relay())}\n`);
process.once('SIGTERM', () => process.exit(0));

async function relay() {
  const pool = ROLE === 'broker' ? new Pool({ connectionString: DATABASE_URL, max: 10 }) : undefined;
  const server = createServer(async (req, res) => {
    const passed = PASSED.filter((name) => req.headers[name] !== undefined);
    const headers = Object.fromEntries(passed.map((name) => [name, req.headers[name]]));
    await pool?.query({ name: 'agent', text: 'SELECT status FROM agents WHERE id = $1', values: [AGENT] });
    pass(`${GATEWAY}/v1/chat/completions`, await textOf(req), headers, (answer) => {
      res.writeHead(answer.statusCode, { 'content-type': 'text/event-stream' });
      answer.pipe(res);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

async function api() {
  const pool = new Pool({ connectionString: DATABASE_URL, max: 10 });
  await pool.query(`
    CREATE TABLE IF NOT EXISTS bare_uses (key text PRIMARY KEY, used bigint NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS bare_messages (id uuid PRIMARY KEY, session text NOT NULL, content text NOT NULL);
    ALTER ROLE CURRENT_USER SET synchronous_commit = off`);
  const keys = new Map([[createHash('sha256').update(KEY).digest('hex'), 'bench']]);
  const app = Fastify();
  app.post('/chat', async (req, reply) => {
    const key = keys.get(createHash('sha256').update(String(req.headers['x-api-key'])).digest('hex'));
    if (!key) return reply.code(401).send();
    await pool.query({
      name: 'use',
      text: 'INSERT INTO bare_uses AS u (key) VALUES ($1) ON CONFLICT (key) DO UPDATE SET used = u.used + 1 RETURNING used',
      values: [key],
    });
    const { session, message, turn, token } = req.body;
    await pool.query({
      name: 'say',
      text: `INSERT INTO bare_messages (id, session, content) VALUES ($1, $3, $4), ($2, $3, '') RETURNING id`,
      values: [randomUUID(), randomUUID(), session, message],
    });
    const headers = { authorization: token, 'x-openclaw-session-key': session, 'x-rookery-turn': turn };
    const body = JSON.stringify({ model: 'bench', stream: true, messages: [{ role: 'user', content: message }] });
    reply.hijack();
    pass(RELAY, body, headers, (answer) => {
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.pipe(reply.raw);
    });
  });
  return app.listen({ port: 0, host: '127.0.0.1' });
}
