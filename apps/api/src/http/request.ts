import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '#libs/kernel';
import type { ErrorSurface } from './surface-registry.js';
import type { RoutePolicy } from './policy.js';
import type { IdempotencySlot } from './idempotency/idempotent.js';

/** What the HTTP edge knows about a request before any handler runs. */
export interface EdgeState {
  readonly startedAtMs: number;
  readonly surface: ErrorSurface;
  /** Absent for unknown routes. */
  readonly policy: RoutePolicy | undefined;
  /** Methods the path knows when the asked one is not among them. */
  allow?: readonly string[];
  caller?: Caller;
  idempotency?: IdempotencySlot;
}

export type ApiRequest = FastifyRequest & { edge?: EdgeState };
export type ApiReply = FastifyReply;
