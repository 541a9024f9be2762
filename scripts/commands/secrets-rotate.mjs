import { say } from '../lib/console.mjs';
import { PROGRAMS, programEnvironment, runProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Replaces the keys that protect stored secrets; may be broken off and repeated. */
export async function run(args) {
  await withDatabase(async ({ node, ...at }) => {
    say(await runProgram(node, PROGRAMS.secretsRotate, args, programEnvironment(at)));
  });
}
