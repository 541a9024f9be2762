import { DomainError } from '#libs/kernel';
import type { PlaceFolder } from '../agent-workspaces.js';
import { isWorkspacePath } from '../spec-checks.js';
import { NOT_OWN, PRIVATE_FOLDER } from './own-files.js';

const LONGEST_MS = 60_000;

/** Where the program below finds what it has to do, when it does not come by its input. */
export const PLACING_FILE = `${PRIVATE_FOLDER}/place.json`;

/**
 * Run where the agent runs and as its user, so that whatever the agent makes of the folders meanwhile it gains nothing:
 * `[workspace, file of what is to be done or -, manifest of written files or nothing]`. The files are written aside and
 * moved into place as a whole. Ends with a code other than 0 when the folder is not as it should be.
 */
export const PLACING_PROGRAM = `
const fs = require('node:fs');
const { dirname, join } = require('node:path');
const [root, from, manifest] = process.argv.slice(1);
setTimeout(() => process.exit(9), ${LONGEST_MS}).unref();
process.chdir(root);
const look = (path) => fs.lstatSync(path, { throwIfNoEntry: false });
const makeFolder = (path) => {
  if (path === '.') return;
  makeFolder(dirname(path));
  const found = look(path);
  if (found && found.isDirectory()) return;
  if (found) fs.rmSync(path, { force: true });
  fs.mkdirSync(path, { mode: 0o700 });
};
const discard = (path) => {
  const found = look(path);
  if (found && found.isDirectory()) fs.chmodSync(path, 0o700);
  fs.rmSync(path, { recursive: true, force: true });
};
const move = (path, to) => {
  const found = look(path);
  if (found && found.isDirectory()) fs.chmodSync(path, 0o700);
  if (found) fs.renameSync(path, to);
};
const noted = (folder, paths) => {
  if (!manifest) return;
  let known = [];
  try {
    known = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  } catch {}
  const others = (Array.isArray(known) ? known : []).filter((path) => !String(path).startsWith(folder + '/'));
  makeFolder(dirname(manifest));
  discard(manifest + '.new');
  fs.writeFileSync(manifest + '.new', JSON.stringify([...new Set([...others, ...paths])]), { mode: 0o600, flag: 'wx' });
  const found = look(manifest);
  if (found && found.isDirectory()) discard(manifest);
  fs.renameSync(manifest + '.new', manifest);
};
(async () => {
  let text = '';
  if (from === '-') for await (const part of process.stdin.setEncoding('utf8')) text += part;
  else text = fs.readFileSync(from, 'utf8');
  const { folder, files } = JSON.parse(text);
  const paths = files.map(({ path }) => folder + '/' + path);
  const [aside, before] = ['${PRIVATE_FOLDER}/placing', '${PRIVATE_FOLDER}/placed'];
  makeFolder('${PRIVATE_FOLDER}');
  discard(aside);
  discard(before);
  for (const { path, content } of files) {
    makeFolder(dirname(aside + '/' + path));
    fs.writeFileSync(aside + '/' + path, content, { mode: 0o600, flag: 'wx' });
  }
  if (files.length > 0) noted(folder, paths);
  makeFolder(dirname(folder));
  move(folder, before);
  if (files.length > 0) fs.renameSync(aside, folder);
  if (files.length === 0) noted(folder, paths);
  if (from !== '-') fs.rmSync(from, { force: true });
  try {
    discard(before);
  } catch {}
})().catch(() => process.exit(1));`;

/** @throws DomainError code `config` for a folder that is the agent's own, and for paths that lead elsewhere. */
export function checkPlacing({ folder, files }: Pick<PlaceFolder, 'folder' | 'files'>): void {
  const [top = '', ...below] = folder.split('/');
  const isOurs = top !== PRIVATE_FOLDER && Object.values(NOT_OWN).every((names) => names.includes(top));
  const paths = [folder, ...files.map(({ path }) => `${folder}/${path}`)];
  if (isOurs && below.length > 0 && paths.every(isWorkspacePath)) return;
  throw new DomainError('validation', 'config', 'Files can only be placed into a folder of the control plane');
}

export const placingFailed = (folder: string, cause?: unknown): DomainError =>
  new DomainError(
    'unavailable',
    'placing_failed',
    `The folder ${folder} of the workspace could not be written`,
    {},
    cause,
  );
