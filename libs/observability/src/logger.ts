import { type DestinationStream, type Logger as PinoLogger, destination, pino, stdTimeFunctions } from 'pino';
import type { Config } from '#libs/config';
import { currentContext } from './context.js';
import { redact, redactText } from './redact.js';

/** What a line tells beyond its message. `error` may be anything that was thrown. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Writes one JSON line a message to standard output, with request, organisation and agent of the running context.
 * Credentials are blanked, in messages too.
 */
export class Logger {
  constructor(private readonly sink: PinoLogger) {}

  /** A logger whose lines also carry `fields`, usually `{ component: 'queue' }`. */
  child(fields: LogFields): Logger {
    return new Logger(this.sink.child(redact(fields) as object));
  }

  debug(message: string, fields?: LogFields): void {
    this.write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.write('error', message, fields);
  }

  fatal(message: string, fields?: LogFields): void {
    this.write('fatal', message, fields);
  }

  private write(level: 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: string, fields?: LogFields): void {
    if (!this.sink.isLevelEnabled(level)) return;
    this.sink[level]({ ...currentContext(), ...(redact(fields ?? {}) as object) }, redactText(message));
  }
}

/** The process's root logger. `name` is the program: `api`, `worker`, `edge`. */
export function createLogger(
  level: Config['logLevel'],
  name: string,
  to: DestinationStream = destination({ dest: 1, sync: false }),
): Logger {
  const options = {
    level,
    base: { program: name, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return new Logger(pino(options, to));
}

/** A logger that writes nothing: for commands and tests. */
export const silentLogger = (): Logger => new Logger(pino({ level: 'silent' }));
