import 'reflect-metadata';
import { loadConfig } from '#libs/config';
import { startFailure } from '#libs/database';
import { type Logger, createLogger } from '#libs/observability';
import { createApi } from './api.js';

let logger: Logger | undefined;
let databaseUrl: string | undefined;
try {
  const config = loadConfig();
  databaseUrl = config.databaseUrl;
  logger = createLogger(config.logLevel, 'api');
  const app = await createApi(config, logger);
  app.enableShutdownHooks();
  await app.listen(config.http.port, config.http.host);
  logger.info('listening', { url: await app.getUrl() });
  if (process.connected) process.send?.('ready');
} catch (error) {
  const { reason, expected } = startFailure(error, databaseUrl);
  if (!expected) logger?.fatal('could not start', { error });
  process.stderr.write(`The API could not start: ${reason}\n`);
  process.exit(1);
}
