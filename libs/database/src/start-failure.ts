import { ConfigError } from '#libs/config';
import { SchemaError, isDatabaseDown } from './database.errors.js';

/** Wrong user or password, no such database, no permission. */
const REFUSED = /^(28000|28P01|3D000|42501)$/;

/** Why a program could not start. */
export interface StartFailure {
  /** One line for whoever operates it, without a secret. */
  readonly reason: string;
  /** False when only the stack tells more: the program is at fault, not what surrounds it. */
  readonly expected: boolean;
}

/** What the error says to an operator. `databaseUrl` is named without its password, when it is known. */
export function startFailure(error: unknown, databaseUrl?: string): StartFailure {
  if (error instanceof ConfigError) return { reason: error.problems.join('; '), expected: true };
  if (error instanceof SchemaError) return { reason: error.message, expected: true };
  const { code, message } = error as NodeJS.ErrnoException;
  if (isDatabaseDown(error)) {
    return { reason: `DATABASE_URL: ${place(databaseUrl)} cannot be reached (${code ?? message})`, expected: true };
  }
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  if (REFUSED.test(code ?? '')) return { reason: `DATABASE_URL: Postgres refuses: ${line}`, expected: true };
  return { reason: line, expected: isAboutPort(error) || isAboutPort((error as Error).cause) };
}

const isAboutPort = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.syscall === 'listen';

function place(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) return 'Postgres';
  return `Postgres at ${new URL(url).searchParams.get('host') ?? new URL(url).host}`;
}
