import { say } from '../lib/console.mjs';
import { openDataFolder } from '../lib/data-folder.mjs';
import { dataFolder, loadDotEnv } from '../lib/environment.mjs';
import { PROGRAMS, programEnvironment, runProgram } from '../lib/programs.mjs';
import { prepared } from '../lib/toolchain.mjs';
import { withDatabase } from '../lib/with-database.mjs';

/** Checks the audit log against its signed checkpoints; an export needs no database. */
export async function run(args) {
  const verify = async ({ node, ...at }) =>
    say(await runProgram(node, PROGRAMS.auditVerify, args, programEnvironment(at)));
  if (!args.some((arg) => arg.startsWith('--export'))) return void (await withDatabase(verify));
  loadDotEnv();
  const dir = dataFolder();
  openDataFolder(dir);
  await verify({ node: await prepared(), dir, databaseUrl: process.env.DATABASE_URL || 'postgres://127.0.0.1/unused' });
}
