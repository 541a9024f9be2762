/** Every way a use case can refuse or fail. Each HTTP surface and the job runner map all of them, or do not compile. */
export const ERROR_KINDS = [
  'validation',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'unprocessable',
  'payload_too_large',
  'unsupported_media_type',
  'method_not_allowed',
  'rate_limited',
  'plan_limit',
  'no_capacity',
  'agent_not_running',
  'upstream_failed',
  'unavailable',
  'internal',
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

/** One wrong field of a request: where it stands and what is wrong with it. */
export interface FieldIssue {
  /** Path from the body, query or params inwards, for example `['body', 'secrets', 'openaiApiKey']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Machine-readable reason, for example `missing` or `string_too_long`. */
  readonly type: string;
}

/** What a caller may be told beyond the message. Never put a secret here: surfaces print it. */
export interface ErrorDetails {
  readonly issues?: readonly FieldIssue[];
  /** Whole seconds after which trying again makes sense. */
  readonly retryAfterSeconds?: number;
  readonly limit?: number;
}

/**
 * A refusal or failure in domain terms, free of HTTP.
 * `code` is stable and snake_case (`agent_not_running`); `message` is a sentence for the caller that says what to do.
 */
export class DomainError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(kind: ErrorKind, code: string, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DomainError';
    this.kind = kind;
    this.code = code;
    this.details = details;
  }
}

/** A repeat of a request whose answer showed a secret: that can't be shown again. */
export const madeBefore = (id: string): DomainError =>
  conflict(
    'made_before',
    `This request was made before and created ${id}; its secret was shown then and can't be shown again: revoke it and make another, with another Idempotency-Key`,
  );

/** Another organisation's thing and a missing thing look the same. */
export const notFound = (what: string): DomainError => new DomainError('not_found', 'not_found', `${what} not found`);

/** A state or version clash. */
export const conflict = (code: string, message: string): DomainError => new DomainError('conflict', code, message);

/** A wrong request, with the fields that are wrong when they are known. */
export const invalid = (message: string, issues: readonly FieldIssue[] = []): DomainError =>
  new DomainError('validation', 'validation_error', message, { issues });
