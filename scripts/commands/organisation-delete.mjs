import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PROGRAMS, programEnvironment } from '../lib/programs.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Deletes an organisation for good, after asking at the terminal. @returns the program's exit code */
export async function run(args) {
  let exitCode = 1;
  await withDatabase(async ({ node, ...at }) => {
    const program = ['--no-warnings', PROGRAMS.organisationDelete, ...args];
    const child = spawn(node, program, { stdio: 'inherit', env: programEnvironment(at) });
    const [code] = await once(child, 'exit');
    exitCode = code ?? 1;
  });
  return exitCode;
}
