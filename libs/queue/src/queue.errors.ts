import { UnrecoverableError } from 'bullmq';
import { DomainError, type ErrorKind } from '#libs/kernel';
import { redactText } from '#libs/observability';

/** Thrown by a handler: not now, try again after the job's backoff while attempts are left. */
export class RetryLater extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'RetryLater';
  }
}

const RETRY_HELPS: Record<ErrorKind, boolean> = {
  validation: false,
  unauthenticated: false,
  forbidden: false,
  not_found: false,
  conflict: true,
  unprocessable: false,
  payload_too_large: false,
  unsupported_media_type: false,
  method_not_allowed: false,
  rate_limited: true,
  plan_limit: false,
  no_capacity: true,
  agent_not_running: true,
  upstream_failed: true,
  unavailable: true,
  internal: true,
};

/** What BullMQ is to be told about a failure: a clean error that it retries, or an UnrecoverableError. It stores the text. */
export function toJobError(error: unknown): Error {
  const message = redactText(error instanceof Error ? error.message : String(error));
  if (error instanceof UnrecoverableError) return new UnrecoverableError(message);
  if (error instanceof DomainError && !RETRY_HELPS[error.kind]) return new UnrecoverableError(message);
  return new RetryLater(message);
}
