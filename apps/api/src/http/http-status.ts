import type { ErrorKind } from '#libs/kernel';

/** The usual HTTP status of each kind. Surfaces that differ spread this and override. */
export const HTTP_STATUS: Readonly<Record<ErrorKind, number>> = {
  validation: 400,
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
