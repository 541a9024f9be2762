import { resolve } from 'node:path';
import { dataFolder, loadEnvironment } from '../lib/environment.mjs';
import { holderOf } from '../lib/data-folder.mjs';
import { Failure } from '../lib/failure.mjs';
import { PROGRAMS, programEnvironment, showProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Brings a backup into an installation whose database is empty. */
export async function run([folder]) {
  if (!folder) throw new Failure('Name the folder of the backup: npm run restore -- <folder>');
  loadEnvironment();
  if (holderOf(dataFolder())) throw new Failure('Rookery runs: stop it first');
  return withDatabase(({ node, ...at }) =>
    showProgram(node, PROGRAMS.restore, [resolve(folder)], programEnvironment(at)),
  );
}
