import { resolve } from 'node:path';
import { say } from '../lib/console.mjs';
import { PROGRAMS, programEnvironment, runProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Copies the installation, running or not, into a folder: the one named, or one of DATA_DIR/backups called by the time. */
export async function run([folder]) {
  await withDatabase(async ({ node, ...at }) => {
    const name = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const target = folder ? resolve(folder) : resolve(at.dir, 'backups', name);
    say(await runProgram(node, PROGRAMS.backup, [target], programEnvironment(at)));
  });
}
