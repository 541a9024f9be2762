import { HttpException } from '@nestjs/common';
import { asDomainError } from '#libs/database';
import { DomainError, type ErrorKind } from '#libs/kernel';

interface Known {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
}

const BY_STATUS: Readonly<Record<number, Known>> = {
  400: { kind: 'validation', code: 'bad_request', message: 'The request is malformed' },
  401: { kind: 'unauthenticated', code: 'unauthorized', message: 'Invalid or missing credentials' },
  403: { kind: 'forbidden', code: 'forbidden', message: 'Not allowed' },
  404: { kind: 'not_found', code: 'not_found', message: 'No such route' },
  405: { kind: 'method_not_allowed', code: 'method_not_allowed', message: 'Method not allowed' },
  408: { kind: 'validation', code: 'request_timeout', message: 'The request took too long to arrive' },
  413: { kind: 'payload_too_large', code: 'payload_too_large', message: 'The body is larger than this route takes' },
  414: { kind: 'not_found', code: 'not_found', message: 'No such route' },
  415: {
    kind: 'unsupported_media_type',
    code: 'unsupported_media_type',
    message: 'Send the body as JSON, with Content-Type: application/json',
  },
  503: { kind: 'unavailable', code: 'unavailable', message: 'Not available just now; try again shortly' },
};

/**
 * What anything thrown means to a caller. Messages of errors that are not ours never get through; the original stays
 * as `cause` for the log.
 */
export function toDomainError(thrown: unknown): DomainError {
  const error = asDomainError(thrown);
  if (error instanceof DomainError) return error;
  if (isMalformedJson(error)) {
    return new DomainError('validation', 'malformed_json', 'The body is not valid JSON', {}, error);
  }
  const known = BY_STATUS[statusOf(error)];
  return known
    ? new DomainError(known.kind, known.code, known.message, {}, error)
    : new DomainError('internal', 'internal_error', 'Something went wrong on our side', {}, error);
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | null | undefined)?.statusCode;
  return typeof status === 'number' && status < 500 ? status : 500;
}

function isMalformedJson(error: unknown): boolean {
  const cause = error instanceof HttpException ? error.cause : error;
  const code = (cause as { code?: unknown } | null | undefined)?.code;
  return code === 'FST_ERR_CTP_INVALID_JSON_BODY' || cause instanceof SyntaxError;
}
