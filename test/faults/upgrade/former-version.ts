import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The version before this one, from which an installation is upgraded; moved on with every release. */
export const FORMER_COMMIT = '194a3815d850dadd6aa27a5f76b0d6a5ff37dabf';

/**
 * The former version, built from the history of this repository with the packages of this checkout. Where the history was
 * left out of the checkout, this version stands for it: then nothing is migrated, and programs are replaced all the same.
 * @returns the folder with its `dist`; whoever asked removes it unless it is this checkout's
 */
export async function formerVersion(): Promise<string> {
  const checkout = process.cwd();
  const git = ['-c', `safe.directory=${checkout}`, '-C', checkout];
  const isKept = await run('git', [...git, 'cat-file', '-e', `${FORMER_COMMIT}^{commit}`]).then(
    () => true,
    () => false,
  );
  if (!isKept) return checkout;
  const folder = await mkdtemp(join(tmpdir(), 'rookery-former-'));
  const archive = join(folder, 'former.tar');
  const root = join(folder, 'rookery');
  await mkdir(root);
  await run('git', [...git, 'archive', '--format=tar', '-o', archive, FORMER_COMMIT]);
  await run('tar', ['-xf', archive, '-C', root]);
  await symlink(join(checkout, 'node_modules'), join(root, 'node_modules'));
  const build = `import { built } from './scripts/lib/toolchain.mjs'; await built(process.execPath);`;
  await run(process.execPath, ['--input-type=module', '-e', build], { cwd: root });
  return root;
}
