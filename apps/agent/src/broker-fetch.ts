import { toGatewayError } from './provider-errors.js';

const BUDGET_EXCEEDED = 'budget_exceeded';
const MAX_REASON = 300;

/**
 * `fetch` for calls of the broker. Its refusal past a budget has a status that the SDK would try again; here it ends the turn
 * at once.
 * @throws GatewayError `budget_exceeded`
 */
export async function brokerFetch(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.headers.get('x-rookery-error') !== BUDGET_EXCEEDED) return response;
  const message = reasonIn(await response.text()) ?? 'the budget is used up';
  const responseHeaders = Object.fromEntries(response.headers);
  throw toGatewayError({ statusCode: response.status, responseHeaders, message }, []);
}

function reasonIn(text: string): string | undefined {
  try {
    const message = (JSON.parse(text) as { error?: { message?: unknown } } | null)?.error?.message;
    return typeof message === 'string' ? message.slice(0, MAX_REASON) : undefined;
  } catch {
    return undefined;
  }
}
