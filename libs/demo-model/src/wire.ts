import type { DemoMessage } from './script.js';

/** The part of an OpenAI chat completion request that the demo model understands. */
export interface DemoRequest {
  readonly model: string;
  readonly messages: readonly DemoMessage[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly maxTokens: number | undefined;
  /** Names of the tools it may call. */
  readonly tools: readonly string[];
}

/** A request the demo model refuses, in the words of the OpenAI error body. */
export class DemoRequestError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'DemoRequestError';
  }
}

/** Usage in the OpenAI form, counted with `countTokens`. */
export interface DemoUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** @throws DemoRequestError 400 when the body is not a chat completion request. */
export function parseRequest(body: string): DemoRequest {
  const value = parseJson(body);
  if (!isRecord(value)) throw refused('The body must be a JSON object.');
  if (!Array.isArray(value['messages']) || value['messages'].length === 0) {
    throw refused("'messages' must be a non-empty array.");
  }
  const streamOptions = value['stream_options'];
  const maxTokens = value['max_completion_tokens'] ?? value['max_tokens'];
  return {
    model: typeof value['model'] === 'string' && value['model'] !== '' ? value['model'] : 'demo',
    messages: value['messages'].map(parseMessage),
    stream: value['stream'] === true,
    includeUsage: isRecord(streamOptions) && streamOptions['include_usage'] === true,
    maxTokens: typeof maxTokens === 'number' && maxTokens > 0 ? maxTokens : undefined,
    tools: value['tool_choice'] === 'none' ? [] : toolNames(value['tools']),
  };
}

function parseMessage(value: unknown): DemoMessage {
  if (!isRecord(value)) throw refused('Every message must be an object.');
  const role = value['role'];
  const text = textOf(value['content']);
  if (role === 'system' || role === 'developer') return { role: 'system', text };
  if (role === 'user' || role === 'assistant' || role === 'tool') return { role, text };
  throw refused("A message's role must be system, developer, user, assistant or tool.");
}

function toolNames(tools: unknown): string[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool: unknown) => {
    const called = isRecord(tool) ? tool['function'] : undefined;
    return isRecord(called) && typeof called['name'] === 'string' ? [called['name']] : [];
  });
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isRecord(part) && typeof part['text'] === 'string' ? part['text'] : '')).join('');
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw refused('The body is not valid JSON.');
  }
}

const refused = (message: string): DemoRequestError => new DemoRequestError(400, 'invalid_request_error', message);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
