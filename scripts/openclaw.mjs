// Installs OpenClaw, the other runtime of agents, where suites look for it: `node scripts/openclaw.mjs [folder]` prints the
// folder. A folder that holds the version already is left alone. Of the install scripts only OpenClaw's own is run: without it
// the first start writes into the package, which an agent's own user may not.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

export const OPENCLAW_VERSION = '2026.9.6';

/** Every user may pass through to it: agents of the process runtime have users of their own under root. */
export function openclawFolder() {
  const cache = process.env.XDG_CACHE_HOME ?? (process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache'));
  return process.env.OPENCLAW_DIR ?? join(cache, 'rookery', `openclaw-${OPENCLAW_VERSION}`);
}

/** The version in a folder; undefined when there is none. */
export function openclawIn(folder) {
  try {
    return JSON.parse(fs.readFileSync(join(folder, 'node_modules', 'openclaw', 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/** Does what OpenClaw leaves for its first start when it is installed without scripts; nothing to do when it was done. */
export function completeOpenclaw(folder) {
  const root = join(folder, 'node_modules', 'openclaw');
  if (!fs.existsSync(join(root, '.openclaw-lifecycle-pending'))) return;
  const script = join(root, 'scripts', 'postinstall-bundled-plugins.mjs');
  execFileSync(process.execPath, [script], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Installs beside, then renames: a folder that is there is complete. */
function install(folder) {
  const draft = `${folder}.${process.pid}`;
  fs.rmSync(draft, { recursive: true, force: true });
  fs.mkdirSync(draft, { recursive: true, mode: 0o755 });
  fs.writeFileSync(join(draft, 'package.json'), '{ "private": true }\n');
  const what = [
    'install',
    `openclaw@${OPENCLAW_VERSION}`,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  execFileSync('npm', what, { cwd: draft, stdio: ['ignore', 'ignore', 'inherit'] });
  completeOpenclaw(draft);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(dirname(folder), { recursive: true, mode: 0o755 });
  fs.renameSync(draft, folder);
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const [given] = parseArgs({ allowPositionals: true }).positionals;
  const folder = given ? resolve(given) : openclawFolder();
  if (openclawIn(folder) !== OPENCLAW_VERSION) install(folder);
  completeOpenclaw(folder);
  process.stdout.write(`${folder}\n`);
}
