import type { DomainError, ErrorKind, FieldIssue } from '#libs/kernel';
import { type EncodedError, errorHeaders } from '../surface.js';

/** How agento says one kind of error. Without `code` the domain's own code is shown. */
interface AgentoError {
  readonly status: number;
  readonly code?: string;
  /** Replaces the message: what a caller must not learn, or a sentence the contract prints. */
  readonly message?: string;
}

const AGENTO_ERRORS: Record<ErrorKind, AgentoError> = {
  validation: { status: 400, code: 'validation_error' },
  unauthenticated: { status: 401, code: 'unauthorized', message: 'Invalid or missing API key' },
  forbidden: { status: 403, code: 'forbidden' },
  not_found: { status: 404, code: 'not_found' },
  conflict: { status: 409, code: 'conflict' },
  unprocessable: { status: 422 },
  payload_too_large: { status: 413, code: 'payload_too_large' },
  unsupported_media_type: { status: 415, code: 'unsupported_media_type' },
  method_not_allowed: { status: 405, code: 'method_not_allowed' },
  rate_limited: { status: 429, code: 'rate_limited' },
  plan_limit: { status: 403 },
  no_capacity: { status: 503, code: 'no_capacity' },
  agent_not_running: { status: 409, code: 'agent_not_running' },
  upstream_failed: { status: 502, code: 'upstream_unavailable' },
  unavailable: { status: 503, code: 'service_unavailable' },
  internal: { status: 500, code: 'internal_error', message: 'Something went wrong on our side' },
};

interface AgentoErrorBody {
  readonly error: { readonly code: string; readonly message: string };
}

const MOST_ISSUES = 5;
const PLACES = ['body', 'query', 'path'];

/** An error as agento's clients read it: `{"error":{"code","message"}}` with its status and headers. */
export function encodeAgentoError(error: DomainError): EncodedError & { body: AgentoErrorBody } {
  const { status, code, message } = AGENTO_ERRORS[error.kind];
  return {
    status,
    headers: errorHeaders(error),
    body: { error: { code: code ?? error.code, message: message ?? messageOf(error) } },
  };
}

function messageOf({ message, details }: DomainError): string {
  const issues = details.issues ?? [];
  if (issues.length === 0) return message;
  const shown = issues.slice(0, MOST_ISSUES).map(sentence).join('; ');
  return issues.length > MOST_ISSUES ? `${shown}; and ${issues.length - MOST_ISSUES} more` : shown;
}

/** Names the field: `secrets.openaiApiKey must be a string`. */
function sentence({ path, message }: FieldIssue): string {
  const field = path.filter((part, index) => index > 0 || !PLACES.includes(String(part))).join('.');
  const last = String(path.at(-1) ?? '');
  if (field === '' || message.startsWith(field)) return message;
  return last !== '' && message.startsWith(`${last} `) ? field + message.slice(last.length) : `${field}: ${message}`;
}
