import { GatewayError } from './gateway-error.js';

const MAX_REASON = 300;
const BUDGET_EXCEEDED = 'budget_exceeded';

/** Network failures that mean nobody answered, as Node and its fetch name them. */
const UNREACHABLE =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPIPE|ETIMEDOUT|UND_ERR_(SOCKET|CONNECT_TIMEOUT))$/;
const TIMED_OUT = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/;

/**
 * What a failed call of the provider is to the gateway's caller.
 * @param secrets removed from the provider's words, should it repeat them
 */
export function toGatewayError(error: unknown, secrets: readonly string[]): GatewayError {
  if (error instanceof GatewayError) return error;
  const cause = lastOf(error);
  const status = numberOf(cause, 'statusCode');
  if (isBudgetStop(cause)) return budgetExceeded(cause, secrets);
  if (status !== undefined && status >= 400) return fromStatus(status, reasonOf(cause, secrets));
  const network = networkCode(cause);
  if (network && TIMED_OUT.test(network)) return fromStatus(504, '');
  if (network) {
    return new GatewayError(502, 'provider_unreachable', `The AI provider can't be reached (${network}).`);
  }
  return fromStreamError(cause, secrets);
}

/** Whether a provider refused the request because it offers tools. */
export function isToolRefusal(error: unknown): boolean {
  const cause = lastOf(error);
  const isRefused = [400, 404, 422, 501].includes(numberOf(cause, 'statusCode') ?? 0);
  const words = `${textOf(cause, 'message')} ${textOf(cause, 'responseBody')}`;
  return (
    isRefused &&
    /\b(tools?|function.?call\w*)\b.{0,60}\b(support|allow|enable)|\b(support|allow|enable)\w*.{0,60}\b(tools?|function.?call)/is.test(
      words,
    )
  );
}

/** The edge's broker refuses a call past a budget in the provider's own form, and names the reason in a header. */
const isBudgetStop = (error: unknown): boolean =>
  textOf(field(error, 'responseHeaders'), 'x-rookery-error') === BUDGET_EXCEEDED ||
  textOf(error, 'responseBody').includes(`"${BUDGET_EXCEEDED}"`);

function budgetExceeded(error: unknown, secrets: readonly string[]): GatewayError {
  const reason = reasonOf(error, secrets).replace(/^: (budget_exceeded: )?/, '');
  return new GatewayError(402, BUDGET_EXCEEDED, reason.charAt(0).toUpperCase() + reason.slice(1));
}

function fromStatus(status: number, reason: string): GatewayError {
  if (status === 401 || status === 403) {
    return new GatewayError(502, 'provider_auth', `The AI provider refused the key (status ${status}).`);
  }
  if (status === 429 || status === 529) {
    return new GatewayError(429, 'provider_rate_limited', 'The AI provider is limiting requests; try again later.');
  }
  if (status === 408 || status === 504) {
    return new GatewayError(504, 'provider_timeout', 'The AI provider took too long.');
  }
  if (status < 500) {
    return new GatewayError(502, 'provider_refused', `The AI provider refused the request (status ${status})${reason}`);
  }
  return new GatewayError(502, 'provider_error', `The AI provider failed (status ${status})${reason}`);
}

/** Errors that providers send inside a stream that began well: `overloaded_error`, `rate_limit_exceeded` and the like. */
function fromStreamError(error: unknown, secrets: readonly string[]): GatewayError {
  const words = ['type', 'code', 'status', 'message'].map((name) => textOf(error, name)).join(' ');
  if (/provider_timeout|timeout_error|deadline_exceeded/i.test(words)) return fromStatus(504, '');
  if (/overloaded|rate.?limit|resource_exhausted|quota/i.test(words)) return fromStatus(429, '');
  if (/authentication|api.?key|permission_denied/i.test(words)) return fromStatus(401, '');
  return new GatewayError(502, 'provider_error', `The AI provider broke off its answer${reasonOf(error, secrets)}`);
}

function lastOf(error: unknown): unknown {
  // The SDK's RetryError keeps what the last attempt met.
  return field(error, 'lastError') ?? error;
}

function networkCode(error: unknown): string | undefined {
  let cause = error;
  for (let depth = 0; depth < 6 && cause !== undefined; depth += 1) {
    const code = textOf(cause, 'code');
    if (UNREACHABLE.test(code) || TIMED_OUT.test(code)) return code;
    const first = field(cause, 'errors');
    cause = field(cause, 'cause') ?? (Array.isArray(first) ? first[0] : undefined);
  }
  return undefined;
}

function reasonOf(error: unknown, secrets: readonly string[]): string {
  let text = typeof error === 'string' ? error : textOf(error, 'message');
  for (const secret of secrets) text = text.replaceAll(secret, '[redacted]');
  text = text
    .replace(/\b(sk-|AIza|Bearer\s+|ya29\.)[\w.~+/-]+=*/g, '[redacted]')
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return text === '' ? '.' : `: ${text.slice(0, MAX_REASON)}`;
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

function textOf(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === 'string' ? found : '';
}

function numberOf(value: unknown, name: string): number | undefined {
  const found = field(value, name);
  return typeof found === 'number' ? found : undefined;
}
