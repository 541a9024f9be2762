import { type ExecutionContext, createParamDecorator } from '@nestjs/common';
import { type Caller, DomainError } from '#libs/kernel';
import type { ApiRequest } from './request.js';

/**
 * The caller the edge decoded: `list(@CallerOf() caller: Caller)`. Only for routes whose policy names callers.
 */
export const CallerOf = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const caller = context.switchToHttp().getRequest<ApiRequest>().edge?.caller;
  if (!caller) throw new DomainError('unauthenticated', 'unauthorized', 'Invalid or missing credentials');
  return caller;
});

/** The client's address as TRUST_PROXY lets it be known. */
export const ClientAddress = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string => context.switchToHttp().getRequest<ApiRequest>().ip,
);

/** An AbortSignal that fires when the client leaves before the response is complete. */
export const ClientGone = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal => {
  const gone = new AbortController();
  const raw = context.switchToHttp().getResponse<{ raw: import('node:http').ServerResponse }>().raw;
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
});
