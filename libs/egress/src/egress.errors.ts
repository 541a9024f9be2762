import { DomainError, type ErrorKind } from '#libs/kernel';

/** Why a request to a tenant's address was refused or failed. */
export type EgressCode =
  | 'egress_url_invalid'
  | 'egress_address_refused'
  | 'egress_redirect_refused'
  | 'egress_too_large'
  | 'egress_timeout'
  | 'egress_unreachable';

const KINDS: Readonly<Record<EgressCode, ErrorKind>> = {
  egress_url_invalid: 'validation',
  egress_address_refused: 'forbidden',
  egress_redirect_refused: 'upstream_failed',
  egress_too_large: 'upstream_failed',
  egress_timeout: 'upstream_failed',
  egress_unreachable: 'upstream_failed',
};

/** Its message may be shown to the tenant: it names the host that was asked, never an address it resolved to. */
export class EgressError extends DomainError {
  declare readonly code: EgressCode;

  constructor(code: EgressCode, message: string, cause?: unknown) {
    super(KINDS[code], code, message, {}, cause);
    this.name = 'EgressError';
  }
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const OUR_FAULT = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'ERR_INVALID_ARG_TYPE']);

/** What a failed exchange with `host` is called. An `EgressError` stays what it is. */
export function toEgressError(error: unknown, host: string): EgressError {
  if (error instanceof EgressError) return error;
  const code = codeOf(error);
  if (OUR_FAULT.has(code)) return new EgressError('egress_url_invalid', `The request to ${host} is malformed`, error);
  if (TIMEOUTS.has(code)) return new EgressError('egress_timeout', `${host} took too long to answer`, error);
  return new EgressError('egress_unreachable', `${host} cannot be reached (${code})`, error);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'connection failed';
