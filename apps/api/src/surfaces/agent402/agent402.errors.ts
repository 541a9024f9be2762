import type { DomainError, ErrorKind, FieldIssue } from '#libs/kernel';
import { type EncodedError, errorHeaders } from '../surface.js';

/** FastAPI's statuses by kind. */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  validation: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  unprocessable: 422,
  payload_too_large: 413,
  unsupported_media_type: 415,
  method_not_allowed: 405,
  rate_limited: 429,
  plan_limit: 403,
  no_capacity: 503,
  agent_not_running: 409,
  upstream_failed: 502,
  unavailable: 503,
  internal: 500,
};

/** Where the contract names another status than the kind's. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  email_taken: 400,
  wrong_password: 400,
  token_not_rotatable: 400,
  invite_invalid: 400,
  password_link_invalid: 400,
  owner_protected: 400,
  key_exists: 400,
  key_refused: 400,
  malformed_json: 400,
  bad_request: 400,
  manual_tool: 400,
  tools_failed: 500,
};

/** An error as agent402's clients read it: `{"detail"}`, with a list of fields for 422, and the request id beside it. */
export function encodeAgent402Error(error: DomainError, requestId: string): EncodedError {
  const status = STATUS_BY_CODE[error.code] ?? STATUS[error.kind];
  const headers = { ...errorHeaders(error), ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}) };
  if (error.kind === 'rate_limited') return { status, headers, body: rateLimited(error) };
  return { status, headers, body: { detail: detailOf(error, status), request_id: requestId } };
}

const rateLimited = ({ message, details }: DomainError): object => ({
  error: 'rate_limit_exceeded',
  message,
  limit: details.limit ?? null,
  retry_after_seconds: details.retryAfterSeconds ?? 1,
});

function detailOf(error: DomainError, status: number): unknown {
  const issues = error.details.issues ?? [];
  if (status !== 422) return error.message;
  if (issues.length > 0) return issues.map(toFastApi);
  return error.kind === 'validation' ? [{ loc: ['body'], msg: error.message, type: 'value_error' }] : error.message;
}

const toFastApi = ({ path, message, type }: FieldIssue): object => ({ loc: path, msg: message, type });
