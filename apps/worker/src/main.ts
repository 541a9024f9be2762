import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { HostSession } from '#libs/agents';
import { type Config, loadConfig } from '#libs/config';
import { isDatabaseDown } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { type Logger, NestLogger, createLogger } from '#libs/observability';
import { EdgeModule } from './edge/edge.module.js';
import { WorkerModule } from './worker.module.js';

try {
  const config = loadConfig();
  const logger = createLogger(config.logLevel, config.role === 'edge' ? 'edge' : 'worker');
  await start(config, logger);
  logger.info('started', { role: config.role, hostId: config.host.id });
  if (process.connected) process.send?.('ready');
} catch (error) {
  process.stderr.write(`The worker could not start: ${reasonOf(error)}\n`);
  process.exit(1);
}

/** Starts the program of the configured role; it ends by SIGTERM or SIGINT. */
async function start(config: Config, logger: Logger): Promise<void> {
  const module = config.role === 'edge' ? EdgeModule.forRoot(config, logger) : WorkerModule.forRoot(config, logger);
  const app = await NestFactory.createApplicationContext(module, {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  app.enableShutdownHooks([], { useProcessExit: true });
  if (config.role !== 'host') return;
  void app.get(HostSession).lost.then(async (reason) => {
    logger.fatal(`${reason}; this worker ends`);
    process.exitCode = 1;
    await app.close();
    process.exit(1);
  });
}

/** What an operator needs to read; where the program itself is at fault, the log holds the stack. */
function reasonOf(error: unknown): string {
  if (isDatabaseDown(error) && !(error instanceof DomainError)) {
    const { code, message } = error as { code?: string; message: string };
    return `Postgres cannot be reached (${code ?? message}); check DATABASE_URL`;
  }
  return error instanceof Error ? error.message : String(error);
}
