import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Folder of the repository. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** Variables that the launcher itself reads or sets. */
const OURS = ['DATA_DIR', 'DATABASE_URL', 'REDIS_URL', 'PORT', 'HOST', 'RUNTIME', 'OPENCLAW_DIR', 'AGENT_IMAGE'].concat(
  ['EDGE_BIND', 'EDGE_RELAY_PORT', 'EDGE_AGENT_PORT', 'EDGE_IMAGE', 'EDGE_CONTAINER'],
);

/** Adds the variables of `.env`, then puts the content of `<NAME>_FILE` into those that the launcher reads. */
export function loadEnvironment() {
  loadDotEnv();
  for (const name of OURS) {
    const file = process.env[`${name}_FILE`];
    if (!file || !fs.existsSync(file)) continue;
    process.env[name] = fs.readFileSync(file, 'utf8').trim();
    delete process.env[`${name}_FILE`];
  }
}

/** Adds the variables of `.env`, when there is one; what is set already wins. */
function loadDotEnv(file = join(ROOT, '.env')) {
  if (!fs.existsSync(file)) return;
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const found = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line);
    if (found && process.env[found[1]] === undefined) process.env[found[1]] = unquoted(found[2]);
  }
}

function unquoted(text) {
  const quoted = /^(["'])(.*)\1$/.exec(text);
  return quoted ? quoted[2] : text.replace(/\s+#.*$/, '');
}

/** True for the user whose agents run under users of their own. */
export const isRoot = () => process.getuid?.() === 0;

/** True when every user may pass the folders down to `path`, which need not exist yet. */
export function everyoneReaches(path) {
  for (let folder = existing(path); ; folder = dirname(folder)) {
    if ((fs.statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function existing(path) {
  let folder = path;
  while (!fs.existsSync(folder)) folder = dirname(folder);
  return fs.realpathSync(folder);
}

/** Where state is kept: `DATA_DIR`, else `.rookery` here, else, where root's agents could not reach that, /var/lib/rookery. */
export function dataFolder() {
  const given = process.env.DATA_DIR?.trim();
  if (given) return resolve(given);
  return isRoot() && !everyoneReaches(ROOT) ? '/var/lib/rookery' : join(ROOT, '.rookery');
}
