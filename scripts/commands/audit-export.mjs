import { say } from '../lib/console.mjs';
import { PROGRAMS, programEnvironment, runProgram } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Writes the audit log's chains to a file. */
export async function run(args) {
  await withDatabase(async ({ node, ...at }) => {
    say(await runProgram(node, PROGRAMS.auditExport, args, programEnvironment(at)));
  });
}
