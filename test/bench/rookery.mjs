// A whole Rookery for measurements, started by the launcher on free ports, with the limiter out of the way.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from './harness.mjs';

const ROOT = join(import.meta.dirname, '..', '..');

/** Starts it; `call(method, path, body)` speaks to the agento surface and gives the `data` of the answer, `text` all of it. */
export async function openRookery(environment = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-'));
  await chmod(dataDir, 0o711);
  const port = await freePort();
  const launcher = spawn(process.execPath, [join(ROOT, 'scripts/rookery.mjs'), 'start'], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATA_DIR: dataDir,
      PORT: String(port),
      EDGE_RELAY_PORT: String(await freePort()),
      EDGE_AGENT_PORT: String(await freePort()),
      RATE_LIMIT_PER_MINUTE: '1000000000',
      LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  const credentials = join(dataDir, 'credentials');
  const answers = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(async () => (await answers()) && existsSync(credentials), 180_000);
  const key = /ak_live_[0-9a-f]{32}/.exec(readFileSync(credentials, 'utf8'))[0];
  const text = async (method, path, body) => {
    const headers = { 'x-api-key': key, ...(body ? { 'content-type': 'application/json' } : {}) };
    const answer = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${said}`);
    return said;
  };
  return {
    url,
    pid: launcher.pid,
    dataDir,
    text,
    call: async (...request) => JSON.parse(await text(...request)).data,
    close: async () => {
      const exit = once(launcher, 'exit');
      launcher.kill('SIGINT');
      await exit;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
