import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { HostSession } from '#libs/agents';
import { type Config, loadConfig } from '#libs/config';
import { startFailure } from '#libs/database';
import { type Logger, NestLogger, createLogger } from '#libs/observability';
import { EdgeModule } from './edge/edge.module.js';
import { WorkerModule } from './worker.module.js';

let logger: Logger | undefined;
let databaseUrl: string | undefined;
try {
  const config = loadConfig();
  databaseUrl = config.databaseUrl;
  logger = createLogger(config.logLevel, config.role === 'edge' ? 'edge' : 'worker');
  await start(config, logger);
  logger.info('started', { role: config.role, hostId: config.host.id });
  if (process.connected) process.send?.('ready');
} catch (error) {
  const { reason, expected } = startFailure(error, databaseUrl);
  if (!expected) logger?.fatal('could not start', { error });
  process.stderr.write(`The worker could not start: ${reason}\n`);
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
