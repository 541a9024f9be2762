import { say } from '../lib/console.mjs';
import { PROGRAMS, programEnvironment, runProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Brings the database's schema up to date. */
export async function run() {
  await withDatabase(async ({ node, ...at }) => {
    say(await runProgram(node, PROGRAMS.migrate, [], programEnvironment(at)));
  });
}
