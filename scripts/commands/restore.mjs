import { resolve } from 'node:path';
import { say } from '../lib/console.mjs';
import { dataFolder, loadEnvironment } from '../lib/environment.mjs';
import { holderOf } from '../lib/data-folder.mjs';
import { Failure } from '../lib/failure.mjs';
import { PROGRAMS, programEnvironment, runProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Brings a backup into an installation whose database is empty. */
export async function run([folder]) {
  if (!folder) throw new Failure('Name the folder of the backup: npm run restore -- <folder>');
  loadEnvironment();
  if (holderOf(dataFolder())) throw new Failure('Rookery runs: stop it first');
  await withDatabase(async ({ node, ...at }) => {
    say(await runProgram(node, PROGRAMS.restore, [resolve(folder)], programEnvironment(at)));
  });
}
