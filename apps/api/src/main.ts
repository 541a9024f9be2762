import 'reflect-metadata';
import { ConfigError, loadConfig } from '#libs/config';
import { createLogger } from '#libs/observability';
import { createApi } from './api.js';

try {
  const config = loadConfig();
  const logger = createLogger(config.logLevel, 'api');
  const app = await createApi(config, logger);
  app.enableShutdownHooks();
  await app.listen(config.http.port, config.http.host);
  logger.info('listening', { url: await app.getUrl() });
  if (process.connected) process.send?.('ready');
} catch (error) {
  const message =
    error instanceof ConfigError || !(error instanceof Error) ? String(error) : (error.stack ?? error.message);
  process.stderr.write(`The API could not start: ${message}\n`);
  process.exit(1);
}
