import { DomainError } from '#libs/kernel';
import { CATEGORIES } from '../advice.js';
import type { ErrorCategory } from '../agent.js';

/** What went wrong with an attempt. */
export interface Failure {
  readonly category: ErrorCategory;
  /** For the owner of the agent. */
  readonly message: string;
  /** The instance ended by itself: too many of these in a row are a crash loop. */
  readonly crash: boolean;
}

/** What follows from a failure. */
export interface FailureDecision {
  readonly category: ErrorCategory;
  readonly attempts: number;
  /** Seconds until the next attempt; null: none until a user acts. */
  readonly retryInSeconds: number | null;
  /** The agent is shown as failed, not as still on its way. */
  readonly visible: boolean;
}

/** How an instance ended. */
export interface Ended {
  readonly status: 'missing' | 'created' | 'running' | 'exited';
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
}

export const CRASH_LIMIT = 5;
/** An instance that ran this long has started well: its crashes before are forgotten. */
export const STABLE_AFTER_MS = 60_000;
const QUIET_ATTEMPTS = 2;
const LONGEST_BACKOFF_SECONDS = 60;
const MOST_MESSAGE_CHARACTERS = 500;
const EXIT_CONFIG = 78;
const EXIT_NO_PERMISSION = 77;

const CODES: Readonly<Record<string, ErrorCategory>> = {
  image_pull: 'image_pull',
  config: 'config',
  oom: 'oom',
  auth: 'auth',
  no_capacity: 'no_capacity',
  provision_failed: 'provision_failed',
};

/** 0, 1, 2, 4 … 60 seconds: the first repetition is at once. */
export const backoffSeconds = (attempts: number): number =>
  attempts <= 1 ? 0 : Math.min(LONGEST_BACKOFF_SECONDS, 2 ** (attempts - 2));

/** An error of the container runtime or of the spec in terms of the agent. */
export function failureOf(error: unknown): Failure {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MOST_MESSAGE_CHARACTERS);
  const known = error instanceof DomainError ? (CODES[error.code] ?? CODES[error.kind]) : undefined;
  return { category: known ?? 'provision_failed', message, crash: false };
}

/** Why an instance that should run does not. */
export function failureOfExit(ended: Ended): Failure {
  if (ended.oomKilled) return { category: 'oom', message: 'The agent used more memory than it may', crash: true };
  if (ended.status === 'missing') return { category: 'unknown', message: 'The instance has vanished', crash: true };
  const message = `The agent's program ended${ended.exitCode === null ? '' : ` with exit code ${ended.exitCode}`}`;
  if (ended.exitCode === EXIT_CONFIG) return { category: 'config', message, crash: true };
  if (ended.exitCode === EXIT_NO_PERMISSION) return { category: 'auth', message, crash: true };
  return { category: 'unknown', message, crash: true };
}

/** What to do after a failure that `attempts` others preceded. */
export function decideFailure(failure: Failure, attempts: number): FailureDecision {
  const attempt = attempts + 1;
  if (!CATEGORIES[failure.category].retry) {
    return { category: failure.category, attempts: attempt, retryInSeconds: null, visible: true };
  }
  if (failure.crash && attempt > CRASH_LIMIT) {
    const category = failure.category === 'oom' ? 'oom' : 'crash_loop';
    return { category, attempts: attempt, retryInSeconds: null, visible: true };
  }
  return {
    category: failure.category,
    attempts: attempt,
    retryInSeconds: backoffSeconds(attempt),
    visible: attempt > QUIET_ATTEMPTS,
  };
}
