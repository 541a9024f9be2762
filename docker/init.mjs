// First step of `docker compose up`: writes the secrets that are missing into their volumes. What is there stays.
// `--new-master-key` keeps the present master key beside a new one, `--forget-previous-master-key` drops it again.
// Runs as root so that each file belongs to the user who reads it: `node` (1000) for ours, Postgres through its own volume.
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OURS = '/run/rookery';
const POSTGRES = '/run/postgres-secret';
const NODE = 1000;

/** Another content at once: who reads it sees the old or the new one, never half. */
function replaced(file, content) {
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function kept(file, make, { uid, mode }) {
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o600, flag: 'wx' });
  chownSync(file, uid, uid);
  chmodSync(file, mode);
  return readFileSync(file, 'utf8');
}

const secret = () => randomBytes(32).toString('base64url');
// the worker is root of group `node`, without root's power over files
const forUs = { uid: NODE, mode: 0o440 };

chownSync(OURS, NODE, NODE);
chmodSync(OURS, 0o750);
const [master, previous] = ['master-key', 'master-key-previous'].map((name) => join(OURS, name));
if (process.argv.includes('--new-master-key')) {
  const former = existsSync(previous) ? readFileSync(previous, 'utf8') : '';
  replaced(previous, [readFileSync(master, 'utf8'), former].filter(Boolean).join(','));
  replaced(master, secret());
}
if (process.argv.includes('--forget-previous-master-key')) replaced(previous, '');
kept(previous, () => '', forUs);
for (const name of ['jwt-secret', 'master-key', 'audit-key']) kept(join(OURS, name), secret, forUs);
const password = kept(join(POSTGRES, 'password'), () => randomBytes(24).toString('hex'), { uid: 0, mode: 0o444 });
kept(join(OURS, 'database-url'), () => `postgres://rookery:${password}@postgres:5432/rookery`, forUs);
