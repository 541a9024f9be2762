import { DomainError } from '#libs/kernel';
import type { UsageProvider } from '#libs/usage';
import { type JsonObject, countAt, isObject, objectAt } from './json.js';
import { estimatePromptTokens } from './prompt-estimate.js';

/** What a request asks of a model, and how it is written with less. */
export interface ModelCall {
  readonly provider: UsageProvider;
  readonly model: string;
  readonly inputTokens: number;
  readonly writesCache: boolean;
  /** Most tokens of the answer, all alternatives together; undefined: the request does not say. */
  readonly askedOutputTokens: number | undefined;
  /** How many answers are asked for. */
  readonly choices: number;
  readonly leastOutputTokens: number;
  /** The body for the provider; with `capTokens` the whole answer has at most so many. */
  body(capTokens: number | undefined): Buffer;
}

/** One kind of call that costs money. */
interface CallKind {
  readonly path: RegExp;
  /** False: the call generates nothing, as an embedding. */
  readonly generates: boolean;
  askedOf?(request: JsonObject): number | undefined;
  choicesOf?(request: JsonObject): number | undefined;
  leastOf?(request: JsonObject): number;
  /** Writes how many tokens one answer may have at most. */
  cap?(request: JsonObject, tokens: number): JsonObject;
  /** What every request of the kind is given, so that its usage is reported. */
  complete?(request: JsonObject): JsonObject;
  /** @throws DomainError for what can't be metered. */
  check?(request: JsonObject): void;
}

const MOST_MODEL_CHARS = 200;
const MOST_CHOICES = 128;

const CHAT: CallKind = {
  path: /^chat\/completions$/,
  generates: true,
  askedOf: (request) => countAt(request, 'max_completion_tokens', 'max_tokens'),
  choicesOf: (request) => countAt(request, 'n'),
  cap: (request, tokens) => {
    const field = request.max_tokens !== undefined && request.max_completion_tokens === undefined;
    const { max_tokens: _dropped, ...rest } = request;
    return field ? { ...rest, max_tokens: tokens } : { ...rest, max_completion_tokens: tokens };
  },
  complete: (request) =>
    request.stream === true && objectAt(request, 'stream_options').include_usage !== true
      ? { ...request, stream_options: { ...objectAt(request, 'stream_options'), include_usage: true } }
      : request,
};

const RESPONSES: CallKind = {
  path: /^responses$/,
  generates: true,
  askedOf: (request) => countAt(request, 'max_output_tokens'),
  leastOf: () => 16,
  cap: (request, tokens) => ({ ...request, max_output_tokens: tokens }),
  check: (request) => {
    if (request.background === true) {
      throw new DomainError('validation', 'not_supported', 'The broker does not pass background responses on');
    }
  },
};

const MESSAGES: CallKind = {
  path: /^messages$/,
  generates: true,
  askedOf: (request) => countAt(request, 'max_tokens'),
  leastOf: (request) => (countAt(objectAt(request, 'thinking'), 'budget_tokens') ?? 0) + 1,
  cap: (request, tokens) => ({ ...request, max_tokens: tokens }),
};

const settingsOf = (request: JsonObject): JsonObject => objectAt(request, 'generationConfig', 'generation_config');

const GENERATE: CallKind = {
  path: /^models\/([^/:]+):(?:generateContent|streamGenerateContent)$/,
  generates: true,
  askedOf: (request) => countAt(settingsOf(request), 'maxOutputTokens', 'max_output_tokens'),
  choicesOf: (request) => countAt(settingsOf(request), 'candidateCount', 'candidate_count'),
  cap: (request, tokens) => {
    const { max_output_tokens: _dropped, ...settings } = settingsOf(request);
    const { generation_config: _other, ...rest } = request;
    return { ...rest, generationConfig: { ...settings, maxOutputTokens: tokens } };
  },
};

const embedding = (path: RegExp): CallKind => ({ path, generates: false });

const KINDS: Readonly<Record<UsageProvider, readonly CallKind[]>> = {
  openai: [CHAT, RESPONSES, embedding(/^embeddings$/)],
  anthropic: [MESSAGES],
  google: [GENERATE, embedding(/^models\/([^/:]+):embedContent$/)],
  demo: [CHAT],
};

/** Whether a call costs anything; others, such as lists of models, are neither read nor metered. */
export const isMetered = (method: string | undefined, provider: UsageProvider, path: string): boolean =>
  method === 'POST' && KINDS[provider].some((kind) => kind.path.test(path));

/**
 * Reads a request that {@link isMetered}.
 * @throws DomainError `validation` for a body that is no JSON object, or asks for what can't be metered.
 */
export function readModelCall(provider: UsageProvider, path: string, sent: Buffer): ModelCall {
  const kind = KINDS[provider].find((one) => one.path.test(path));
  if (!kind) throw new Error(`${provider} ${path} is not metered`);
  const request = parse(sent);
  kind.check?.(request);
  const choices = Math.min(Math.max(kind.choicesOf?.(request) ?? 1, 1), MOST_CHOICES);
  const asked = kind.generates ? kind.askedOf?.(request) : 0;
  return {
    provider,
    model: modelOf(provider, kind, path, request),
    inputTokens: estimatePromptTokens(request, sent.length),
    writesCache: sent.includes('"cache_control"'),
    askedOutputTokens: asked === undefined ? undefined : asked * choices,
    choices,
    leastOutputTokens: kind.generates ? (kind.leastOf?.(request) ?? 1) * choices : 0,
    body: (capTokens) =>
      bodyOf(sent, request, kind, capTokens === undefined ? undefined : Math.floor(capTokens / choices)),
  };
}

function bodyOf(sent: Buffer, request: JsonObject, kind: CallKind, capTokens: number | undefined): Buffer {
  const complete = kind.complete?.(request) ?? request;
  const asked = kind.askedOf?.(request);
  if (capTokens === undefined || !kind.cap) return complete === request ? sent : written(complete);
  // Written anew even when nothing is to be lowered: of a name that stands twice, the provider might read the other.
  return written(kind.cap(complete, Math.min(asked ?? capTokens, capTokens)));
}

const written = (request: JsonObject): Buffer => Buffer.from(JSON.stringify(request));

function parse(sent: Buffer): JsonObject {
  if (sent.length === 0) return {};
  try {
    const request: unknown = JSON.parse(sent.toString('utf8'));
    if (isObject(request)) return request;
  } catch {
    // Told below.
  }
  throw new DomainError('validation', 'invalid_request', 'The body must be a JSON object');
}

function modelOf(provider: UsageProvider, kind: CallKind, path: string, request: JsonObject): string {
  if (provider === 'demo') return 'demo';
  const named = kind.path.exec(path)?.[1] ?? request.model;
  return typeof named === 'string' && named !== '' ? wellFormed(named) : 'unknown';
}

/** Postgres takes neither NUL nor half a surrogate pair. */
const wellFormed = (model: string): string =>
  Buffer.from(model.replaceAll(/\p{Cc}/gu, ' ').slice(0, MOST_MODEL_CHARS)).toString('utf8');
