#!/usr/bin/env node
// The launcher behind the npm scripts. It needs nothing but Node 20.19 and npm, and starts the rest on Node 24.
import { explain } from './lib/failure.mjs';

const COMMANDS = {
  start: () => import('./commands/start.mjs'),
  test: () => import('./commands/test.mjs'),
  build: () => import('./commands/build.mjs'),
  migrate: () => import('./commands/migrate.mjs'),
  'admin:create': () => import('./commands/admin-create.mjs'),
  'secrets:rotate': () => import('./commands/secrets-rotate.mjs'),
  'audit:verify': () => import('./commands/audit-verify.mjs'),
  'audit:export': () => import('./commands/audit-export.mjs'),
  doctor: () => import('./commands/doctor.mjs'),
  backup: () => import('./commands/backup.mjs'),
  restore: () => import('./commands/restore.mjs'),
  bench: () => import('./commands/bench.mjs'),
  'organisation:delete': () => import('./commands/organisation-delete.mjs'),
  openapi: () => import('./commands/openapi.mjs'),
};

const [name = 'start', ...args] = process.argv.slice(2);
try {
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new Error(`There is no command "${name}"; choose from ${Object.keys(COMMANDS).join(', ')}`);
  }
  const command = await COMMANDS[name]();
  process.exitCode = (await command.run(args)) ?? 0;
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
