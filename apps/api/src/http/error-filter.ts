import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { RefusalLog } from './refusal-log.js';
import type { ApiReply, ApiRequest } from './request.js';
import { SurfaceRegistry } from './surface-registry.js';
import { toDomainError } from './to-domain-error.js';

/** Answers every error of the API in the words of the surface that was asked. */
@Catch()
@Injectable()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    @Inject(SurfaceRegistry) private readonly surfaces: SurfaceRegistry,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(RefusalLog) private readonly refusals: RefusalLog,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(thrown, http.getRequest<ApiRequest>(), http.getResponse<ApiReply>());
  }

  answer(thrown: unknown, request: ApiRequest, reply: ApiReply): void {
    const error = methodNotAllowed(toDomainError(thrown), request);
    this.log(error, request);
    this.refusals.note(error, request);
    if (reply.sent || reply.raw.headersSent) return;
    const surface = request.edge?.surface ?? this.surfaces.find(pathOf(request));
    const encoded = surface.encodeError(error, request.id);
    reply.removeHeader('x-accel-buffering');
    if (error.kind === 'method_not_allowed') reply.header('allow', (request.edge?.allow ?? []).join(', '));
    reply.code(encoded.status).headers(encoded.headers).type('application/json; charset=utf-8');
    reply.header('cache-control', 'no-store').send(JSON.stringify(encoded.body));
  }

  private log(error: DomainError, request: ApiRequest): void {
    const fields = { requestId: request.id, code: error.code, error: error.cause ?? error };
    if (error.kind === 'internal') this.logger.error('request failed', fields);
    else this.logger.debug('request refused', { requestId: request.id, code: error.code });
  }
}

export const pathOf = (request: ApiRequest): string => request.raw.url?.split('?', 1)[0] ?? '/';

function methodNotAllowed(error: DomainError, request: ApiRequest): DomainError {
  const allow = request.edge?.allow;
  return error.kind === 'not_found' && request.edge?.policy === undefined && allow && allow.length > 0
    ? new DomainError('method_not_allowed', 'method_not_allowed', 'Method not allowed')
    : error;
}
