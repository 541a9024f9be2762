import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import type { ApiRequest } from '../request.js';

/** What a handler knows about the `Idempotency-Key` of its request. */
export interface IdempotencySlot {
  /** The id for what this request makes. A thing that has it already was made by an earlier try of the same request. */
  readonly resourceId: string;
  /** Set when this request repeats one that made a run: follow that run instead of making another. */
  readonly replayRunId: string | undefined;
  /** Ties the key to the run just made; call it as soon as the run is committed, before the stream begins. */
  bindRun(runId: string): Promise<void>;
}

/**
 * `json`: the finished answer is stored and replayed. `run`: the answer is the stream of a run, which is followed again.
 * `secret`: the answer shows a secret this once, so it is not stored: a repeat is `conflict` and names what was made.
 */
export type IdempotencyMode = 'json' | 'run' | 'secret';

export const IDEMPOTENCY_MODE = 'rookery:idempotency';

/** Makes `Idempotency-Key` work on a POST that creates or sends. */
export const Idempotent = (mode: IdempotencyMode = 'json'): MethodDecorator => SetMetadata(IDEMPOTENCY_MODE, mode);

/** The slot of an `@Idempotent()` route; undefined when the request has no key. */
export const IdempotencyOf = createParamDecorator(
  (_data: unknown, context: ExecutionContext): IdempotencySlot | undefined =>
    context.switchToHttp().getRequest<ApiRequest>().edge?.idempotency,
);
