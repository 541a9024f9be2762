import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';
import { captured } from './toolchain.mjs';

export const PROGRAMS = {
  api: join(ROOT, 'dist/apps/api/src/main.js'),
  worker: join(ROOT, 'dist/apps/worker/src/main.js'),
  migrate: join(ROOT, 'dist/apps/worker/src/cli/migrate.js'),
  backup: join(ROOT, 'dist/apps/worker/src/cli/backup.js'),
  restore: join(ROOT, 'dist/apps/worker/src/cli/restore.js'),
  adminCreate: join(ROOT, 'dist/apps/api/src/cli/admin-create.js'),
  secretsRotate: join(ROOT, 'dist/apps/api/src/cli/secrets-rotate.js'),
  auditVerify: join(ROOT, 'dist/apps/api/src/cli/audit-verify.js'),
  auditExport: join(ROOT, 'dist/apps/api/src/cli/audit-export.js'),
  organisationDelete: join(ROOT, 'dist/apps/api/src/cli/organisation-delete.js'),
  openapi: join(ROOT, 'dist/apps/api/src/cli/openapi.js'),
};

/** What every program of an installation gets: our environment without npm's, plus where data and database are. */
export function programEnvironment({ dir, databaseUrl }) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$|^NODE_COMPILE_CACHE$/.test(name));
  return {
    NODE_ENV: 'development',
    NODE_COMPILE_CACHE: join(dir, 'cache'),
    ...Object.fromEntries(inherited),
    ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
    DATA_DIR: dir,
  };
}

/** @throws Failure naming every variable that is malformed */
export async function checkConfiguration(env) {
  const { loadConfig } = await import(pathToFileURL(join(ROOT, 'dist/libs/config/src/load-config.js')).href);
  try {
    loadConfig({ DATABASE_URL: 'postgres://localhost/embedded', ...env });
  } catch (error) {
    throw error.problems ? new Failure(error.problems.join('\nrookery: ')) : error;
  }
}

/** Runs one of our commands to its end. @returns what it printed @throws Failure with its own words */
export async function runProgram(node, program, args, env) {
  const { code, output } = await captured(node, ['--no-warnings', program, ...args], env);
  if (code !== 0) throw new Failure(output.trim() || `${program} ended with ${code}`);
  return output.trim();
}

/** Runs one of our commands at the terminal: it asks and tells there while it works. @returns its exit code */
export async function showProgram(node, program, args, env) {
  const child = spawn(node, ['--no-warnings', program, ...args], { stdio: 'inherit', env });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}
