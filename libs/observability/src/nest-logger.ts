import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

/** Both complain of a start that failed, with a stack; the program itself says it in a line. */
const SAID_BY_MAIN = new Set<unknown>(['ExceptionHandler', 'TypeOrmModule']);

/** Lets Nest write through {@link Logger}: `NestFactory.create(Module, { logger: new NestLogger(logger) })`. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug(text(message), fields(message, rest));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.logger.debug(text(message), fields(message, rest));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.logger.debug(text(message), fields(message, rest));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn(text(message), fields(message, rest));
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (SAID_BY_MAIN.has(rest.at(-1))) return;
    this.logger.error(text(message), fields(message, rest));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.logger.fatal(text(message), fields(message, rest));
  }
}

const text = (message: unknown): string => (message instanceof Error ? message.message : String(message));

/** Nest appends the stack and, last, the name of who is logging. */
function fields(message: unknown, rest: readonly unknown[]): Record<string, unknown> {
  const component = rest.at(-1);
  const details = rest.slice(0, -1).filter((part) => part !== undefined);
  return {
    ...(typeof component === 'string' ? { component } : {}),
    ...(message instanceof Error ? { error: message } : {}),
    ...(details.length > 0 ? { details } : {}),
  };
}
