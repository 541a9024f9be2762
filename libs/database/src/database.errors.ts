import { isNativeError } from 'node:util/types';
import { DomainError } from '#libs/kernel';

const DOWN_CODES = /^(08|57P0[1-5]$|53300$|ECONN|EPIPE$|ETIMEDOUT$|ENOTFOUND$|EAI_AGAIN$|EHOSTUNREACH$)/;
/** TypeORM takes the runner from a transaction as soon as its connection is lost. */
const DOWN_MESSAGES =
  /Query runner already released|Connection terminated|timeout exceeded when trying to connect|connection timeout|Client has encountered a connection error|not queryable|connection is insecure|Driver not Connected/i;

/** The database's schema is not the one this build was made for. */
export class SchemaError extends Error {
  constructor(problems: readonly string[]) {
    super(`The database's schema does not fit: ${problems.join('; ')}`);
    this.name = 'SchemaError';
  }
}

/** True when the error says that Postgres can't be reached just now, false when it says that the statement is wrong. */
export function isDatabaseDown(error: unknown): boolean {
  if (error instanceof DomainError) return error.code === 'database_unavailable';
  if (error instanceof AggregateError) return error.errors.some(isDatabaseDown);
  if (!(error instanceof Error) && !isNativeError(error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const isSocketGone = code === 'ENOENT' && syscall === 'connect';
  return isSocketGone || (code !== undefined && DOWN_CODES.test(code)) || DOWN_MESSAGES.test(error.message);
}

/** Turns a lost database into `unavailable` (try again in a second); everything else is returned as it came. */
export const asDomainError = (error: unknown): unknown =>
  isDatabaseDown(error) && !(error instanceof DomainError)
    ? new DomainError(
        'unavailable',
        'database_unavailable',
        'The database cannot be reached just now; try again shortly',
        { retryAfterSeconds: 1 },
        error,
      )
    : error;

/** True for a violated unique constraint, optionally of that name. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const failure = ((error as { driverError?: unknown }).driverError ?? error) as { code?: string; constraint?: string };
  return failure.code === '23505' && (constraint === undefined || failure.constraint === constraint);
}
