import { DomainError } from '#libs/kernel';
import { isWorkspacePath } from '../spec-checks.js';

/** Run where nothing but the workspace is, as the agent's user: `[workspace, paths…]`. Folders the agent closed are opened first. */
export const ERASING_PROGRAM = `
const fs = require('node:fs');
const { join } = require('node:path');
const [root, ...paths] = process.argv.slice(1);
const open = (path) => {
  fs.chmodSync(path, 0o700);
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) open(join(path, entry.name));
};
for (const name of paths) {
  const path = join(root, name);
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found && found.isDirectory()) open(path);
  fs.rmSync(path, { recursive: true, force: true });
}
`;

/** @throws DomainError code `config` for a path that is no plain one. */
export function checkErasing(paths: readonly string[]): void {
  const wrong = paths.find((path) => !isWorkspacePath(path));
  if (wrong === undefined) return;
  throw new DomainError('validation', 'config', `${JSON.stringify(wrong)} is not a plain relative path`);
}

export const eraseFailed = (cause?: unknown): DomainError =>
  new DomainError('unavailable', 'erase_failed', 'Files of the workspace could not be taken away', {}, cause);
