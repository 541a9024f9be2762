export type LogLevel = 'info' | 'warn' | 'error';

const MAX_TEXT = 500;

/** Makes a text fit for one log line: no control characters, at most 500 characters. */
export const logSafe = (text: string): string =>
  // Control characters would let a session key forge a line of its own.
  text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, MAX_TEXT);

/** Writes `<ISO> [level] text` to stdout. Never pass chat contents or credentials. */
export function log(level: LogLevel, text: string): void {
  process.stdout.write(`${new Date().toISOString()} [${level}] ${logSafe(text)}\n`);
}
