import { say } from '../lib/console.mjs';
import { PROGRAMS, programEnvironment, runProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Makes a platform admin; what it prints is shown once. */
export async function run(args) {
  await withDatabase(async ({ node, ...at }) => {
    say(await runProgram(node, PROGRAMS.adminCreate, args, programEnvironment(at)));
  });
}
