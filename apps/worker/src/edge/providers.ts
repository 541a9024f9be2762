import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Provider } from '#libs/secrets';
import { bearerOf, headerOf } from './credentials.js';

/** How one provider's HTTP looks: where the credential stands, what may be asked, how it words an error. */
export interface WireFormat {
  readonly title: string;
  /** Name of the stored secret and of the platform's environment variable. */
  readonly secret: string;
  readonly variable: string;
  readonly paths: readonly RegExp[];
  credentialOf(req: IncomingMessage): string | undefined;
  credentialHeader(key: string): OutgoingHttpHeaders;
  errorBody(status: number, code: string, message: string): unknown;
  /** Name of the event that carries an error inside a stream; undefined: none. */
  readonly errorEvent?: string;
}

const MODEL = '[A-Za-z0-9][A-Za-z0-9._-]*';
/** Anything else, above all any other credential, stays here. */
const PASSED_HEADERS: readonly string[] = [
  'accept',
  'content-type',
  'content-length',
  'user-agent',
  'anthropic-version',
  'anthropic-beta',
  'openai-beta',
  'x-goog-api-client',
  'idempotency-key',
];
const PASSED_QUERY: readonly string[] = [
  'alt',
  'beta',
  'limit',
  'after',
  'order',
  'after_id',
  'before_id',
  'pageSize',
  'pageToken',
];

export const WIRE_FORMATS: Readonly<Record<Provider, WireFormat>> = {
  openai: {
    title: 'OpenAI',
    secret: 'openai_api_key',
    variable: 'OPENAI_API_KEY',
    paths: [
      /^POST chat\/completions$/,
      /^POST responses$/,
      /^POST embeddings$/,
      new RegExp(`^GET models(/${MODEL})?$`),
    ],
    credentialOf: bearerOf,
    credentialHeader: (key) => ({ authorization: `Bearer ${key}` }),
    errorBody: (status, code, message) => ({ error: { message, type: openaiType(status), param: null, code } }),
  },
  anthropic: {
    title: 'Anthropic',
    secret: 'anthropic_api_key',
    variable: 'ANTHROPIC_API_KEY',
    paths: [/^POST messages$/, /^POST messages\/count_tokens$/, new RegExp(`^GET models(/${MODEL})?$`)],
    errorEvent: 'error',
    credentialOf: (req) => headerOf(req, 'x-api-key'),
    credentialHeader: (key) => ({ 'x-api-key': key }),
    errorBody: (status, _code, message) => ({ type: 'error', error: { type: errorType(status), message } }),
  },
  google: {
    title: 'Google',
    secret: 'google_api_key',
    variable: 'GOOGLE_API_KEY',
    paths: [
      new RegExp(`^POST models/${MODEL}:(generateContent|streamGenerateContent|countTokens|embedContent)$`),
      new RegExp(`^GET models(/${MODEL})?$`),
    ],
    credentialOf: (req) => headerOf(req, 'x-goog-api-key'),
    credentialHeader: (key) => ({ 'x-goog-api-key': key }),
    errorBody: (status, _code, message) => ({ error: { code: status, message, status: googleStatus(status) } }),
  },
};

/** Headers for the provider: the allowed ones of the agent's request, with the real key. Answers come uncompressed. */
export function providerHeaders(req: IncomingMessage, format: WireFormat, key: string): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'accept-encoding': 'identity' };
  for (const name of PASSED_HEADERS) if (req.headers[name] !== undefined) headers[name] = req.headers[name];
  return { ...headers, ...format.credentialHeader(key) };
}

/** Address of a call: the operator's base URL, the checked path and what is harmless of the query. */
export function providerUrl(baseUrl: string, path: string, query: URLSearchParams): URL {
  const url = new URL(`${baseUrl}/${path}`);
  for (const name of PASSED_QUERY) for (const value of query.getAll(name)) url.searchParams.append(name, value);
  return url;
}

const ERROR_TYPES: Readonly<Record<number, readonly [string, string]>> = {
  400: ['invalid_request_error', 'INVALID_ARGUMENT'],
  401: ['authentication_error', 'UNAUTHENTICATED'],
  402: ['billing_error', 'RESOURCE_EXHAUSTED'],
  403: ['permission_error', 'PERMISSION_DENIED'],
  404: ['not_found_error', 'NOT_FOUND'],
  413: ['request_too_large', 'INVALID_ARGUMENT'],
  429: ['rate_limit_error', 'RESOURCE_EXHAUSTED'],
  504: ['timeout_error', 'DEADLINE_EXCEEDED'],
};

const errorType = (status: number): string => ERROR_TYPES[status]?.[0] ?? 'api_error';
const openaiType = (status: number): string => (status === 402 ? 'insufficient_quota' : errorType(status));
const googleStatus = (status: number): string => ERROR_TYPES[status]?.[1] ?? 'UNAVAILABLE';
