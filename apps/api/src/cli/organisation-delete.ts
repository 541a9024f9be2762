import 'reflect-metadata';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule, loadConfig } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { OrganisationDeletions, OrganisationDeletionsModule } from '#libs/identity';
import { LoggerModule, createLogger } from '#libs/observability';

const USAGE = 'Usage: organisation:delete -- <slug or id> [--yes] [--wait <seconds>]';
const LOOK_EVERY_MS = 500;

@Module({})
class DeletionCli {}

/**
 * Deletes an organisation with its agents, files, secrets and keys; there is no way back. Asks for its slug first, unless
 * `--yes` is given. Waits `--wait` seconds (120) for the workers to finish; broken off, they finish all the same. Prints
 * `{"organisation","slug","status":"deleted"|"deleting"}`.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { yes: { type: 'boolean', default: false }, wait: { type: 'string', default: '120' } },
  });
  const [wanted] = positionals;
  const waitSeconds = Number(values.wait);
  if (wanted === undefined || positionals.length > 1 || !(waitSeconds >= 0)) throw new Error(USAGE);
  const app = await NestFactory.createApplicationContext(root(), { logger: false, abortOnError: false });
  try {
    const deletions = app.get(OrganisationDeletions);
    const { id, slug, name } = await deletions.find(wanted);
    if (!values.yes && !(await confirmed(name, slug))) throw new Error('That is not its slug: nothing was deleted');
    await deletions.begin({ orgId: id });
    const gone = await until(async () => !(await deletions.exists({ orgId: id })), waitSeconds * 1_000);
    if (!gone) process.stderr.write('Its workers are still at it; with none running, they finish at the next start.\n');
    process.stdout.write(`${JSON.stringify({ organisation: id, slug, status: gone ? 'deleted' : 'deleting' })}\n`);
  } finally {
    await app.close();
  }
}

function root(): object {
  const config = loadConfig();
  const logger = LoggerModule.forRoot(createLogger('error', 'organisation-delete'));
  const imports = [ConfigModule.forRoot(config), logger, DatabaseModule.forRoot(), EventsModule.forRoot()];
  return { module: DeletionCli, imports: [...imports, OrganisationDeletionsModule] };
}

async function confirmed(name: string, slug: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  terminal.once('close', () => ended.abort());
  try {
    const question = `This deletes "${name}" with all its agents, files and secrets, for good.\nIts slug, to go on: `;
    return (await terminal.question(question, { signal: ended.signal })).trim() === slug;
  } catch {
    return false;
  } finally {
    terminal.close();
  }
}

async function until(isSo: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    if (await isSo()) return true;
    if (Date.now() >= end) return false;
    await sleep(LOOK_EVERY_MS);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
