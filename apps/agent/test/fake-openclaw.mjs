// Stands where OpenClaw's package stands (dist/index.js) in specs of the bridge: asks its model as OpenClaw does, once a turn.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const config = JSON.parse(readFileSync(process.env.OPENCLAW_CONFIG_PATH, 'utf8'));
const { baseUrl, models } = config.models.providers.rookery;
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
if (models[0].id === 'refused-by-openclaw') process.exit(78);

const line = (fields) => process.stdout.write(`${JSON.stringify({ level: 'info', ...fields })}\n`);

async function turn(req, res, body, left) {
  const key = req.headers['x-openclaw-session-key'];
  const [, agent] = key.split(':');
  const shown = body.messages.map(({ role, content }) => `${role}=${content}`).join('|');
  const content = `[Sun 2026-11-22 21:16 UTC] ${shown}\n\nRuntime: agent=${agent} | session=${key} | x=y`;
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  const answer = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${process.env.ROOKERY_MODEL_DOOR_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: models[0].id, stream: true, messages: [{ role: 'user', content }] }),
    signal: left,
  }).catch(() => undefined);
  const text = answer?.status === 200 ? await answer.text() : undefined;
  line({ message: `reply: ${text}` });
  const error = { error: { message: 'internal error', type: 'api_error' } };
  const frame = text === undefined ? error : { choices: [{ index: 0, delta: { content: `${agent}:${text}` } }] };
  res.end(`data: ${JSON.stringify(frame)}\n\ndata: [DONE]\n\n`);
}

createServer((req, res) => {
  if (req.url === '/readyz') return res.end('{}');
  const left = new AbortController();
  res.once('close', () => left.abort());
  let body = '';
  req.on('data', (chunk) => (body += chunk));
  req.on('end', () => turn(req, res, JSON.parse(body), left.signal).catch(() => res.destroy()));
}).listen(port, '127.0.0.1', () => line({ subsystem: 'gateway', message: 'gateway ready' }));
process.on('SIGTERM', () => process.exit(0));
