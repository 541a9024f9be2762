import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { countTokens, type DemoPlan, type DemoToolCall, planReply } from './script.js';
import { DemoRequestError, type DemoRequest, type DemoUsage, parseRequest } from './wire.js';

/** How the demo model behaves unless a message says otherwise. */
export interface DemoModelOptions {
  /** Pause between two words of a streamed answer. Default 8. */
  readonly wordDelayMs?: number;
  /** The request's body, when somebody has read it. */
  readonly body?: Buffer;
  /** Is told everything that is answered, each piece after it was written. */
  readonly onAnswered?: (text: string) => void;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const DEFAULT_WORD_DELAY_MS = 8;

interface ReplyHead {
  readonly request: DemoRequest;
  readonly id: string;
  readonly created: number;
  readonly onAnswered: (text: string) => void;
}

interface Reply extends ReplyHead {
  readonly plan: Extract<DemoPlan, { kind: 'answer' }>;
  readonly wordDelayMs: number;
}

/**
 * Answers `POST …/chat/completions` and `GET …/models` as an OpenAI-compatible provider would, from a script and without
 * a network. The path's beginning is free, so the handler can be mounted anywhere. Never rejects.
 */
export async function handleDemoModel(
  req: IncomingMessage,
  res: ServerResponse,
  options: DemoModelOptions = {},
): Promise<void> {
  try {
    await route(req, res, options);
  } catch (error) {
    if (res.headersSent || res.destroyed) res.destroy();
    else if (error instanceof DemoRequestError) sendError(res, error.status, error.code, error.message);
    else sendError(res, 500, 'server_error', 'The demo model failed.');
  }
}

async function route(req: IncomingMessage, res: ServerResponse, options: DemoModelOptions): Promise<void> {
  const path = (req.url ?? '/').split('?', 1)[0] ?? '/';
  if (req.method === 'GET' && path.endsWith('/models')) {
    sendJson(res, 200, { object: 'list', data: [{ id: 'demo', object: 'model', created: 0, owned_by: 'rookery' }] });
    return;
  }
  if (req.method !== 'POST' || !path.endsWith('/chat/completions')) {
    throw new DemoRequestError(404, 'not_found', 'The demo model knows POST /chat/completions and GET /models.');
  }
  const request = parseRequest(options.body?.toString('utf8') ?? (await readBody(req)));
  await carryOut(planReply(request.messages, request.tools), request, res, options);
}

async function carryOut(
  plan: DemoPlan,
  request: DemoRequest,
  res: ServerResponse,
  { wordDelayMs = DEFAULT_WORD_DELAY_MS, onAnswered = () => undefined }: DemoModelOptions,
): Promise<void> {
  if (plan.kind === 'fail') {
    sendError(res, plan.status, 'demo_failure', `The demo model fails with ${plan.status}, as it was asked to.`);
    return;
  }
  if (plan.kind === 'hang') {
    await once(res, 'close');
    return;
  }
  const head: ReplyHead = {
    request,
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    onAnswered,
  };
  if (plan.kind === 'call') {
    sendCall(head, plan.call, res);
    return;
  }
  const reply: Reply = { ...head, plan, wordDelayMs: plan.wordDelayMs ?? wordDelayMs };
  if (request.stream) await streamReply(reply, res);
  else sendWhole(reply, res);
}

function sendCall(head: ReplyHead, { name, input }: DemoToolCall, res: ServerResponse): void {
  const { request, id, created, onAnswered } = head;
  const call = { id: `call_${randomUUID()}`, type: 'function', function: { name, arguments: input } };
  const usage = usageOf(request, name + input);
  if (!request.stream) {
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    const choices = [{ index: 0, message, finish_reason: 'tool_calls' }];
    const answer = { id, object: 'chat.completion', created, model: request.model, choices, usage };
    sendJson(res, 200, answer);
    onAnswered(JSON.stringify(answer));
    return;
  }
  const delta = { role: 'assistant', content: null, tool_calls: [{ index: 0, ...call }] };
  const text = [
    chunk(head, [{ index: 0, delta, finish_reason: null }]),
    chunk(head, [{ index: 0, delta: {}, finish_reason: 'tool_calls' }]),
    ...(request.includeUsage ? [chunk(head, [], usage)] : []),
  ].join('');
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  res.write(text);
  onAnswered(text);
  res.end('data: [DONE]\n\n');
}

function sendWhole(reply: Reply, res: ServerResponse): void {
  if (reply.plan.cutAfterWords !== undefined) {
    res.destroy();
    return;
  }
  const { words, finishReason } = wordsOf(reply);
  const text = words.join('');
  const answer = {
    id: reply.id,
    object: 'chat.completion',
    created: reply.created,
    model: reply.request.model,
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finishReason }],
    usage: usageOf(reply.request, text),
  };
  sendJson(res, 200, answer);
  reply.onAnswered(JSON.stringify(answer));
}

async function streamReply(reply: Reply, res: ServerResponse): Promise<void> {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const { words, finishReason } = wordsOf(reply);
  const say = async (text: string): Promise<void> => {
    await write(res, text, gone.signal);
    reply.onAnswered(text);
  };
  for (const [index, word] of words.entries()) {
    if (index === reply.plan.cutAfterWords) {
      // Destroying at once would take the words before the cut with it.
      res.write(': cut\n\n', () => res.destroy());
      return;
    }
    if (index > 0 && reply.wordDelayMs > 0) await delay(reply.wordDelayMs, undefined, { signal: gone.signal });
    const delta = index === 0 ? { role: 'assistant', content: word } : { content: word };
    await say(chunk(reply, [{ index: 0, delta, finish_reason: null }]));
  }
  await say(chunk(reply, [{ index: 0, delta: {}, finish_reason: finishReason }]));
  if (reply.request.includeUsage) {
    await say(chunk(reply, [], usageOf(reply.request, words.join(''))));
  }
  res.end('data: [DONE]\n\n');
}

function wordsOf(reply: Reply): { words: string[]; finishReason: 'stop' | 'length' } {
  const all = reply.plan.text.match(/\S+\s*|\s+/g) ?? [];
  const limit = reply.request.maxTokens ?? Infinity;
  const words: string[] = [];
  let used = 0;
  for (const word of all) {
    used += word.length;
    if (used / 4 > limit) return { words, finishReason: 'length' };
    words.push(word);
  }
  return { words, finishReason: 'stop' };
}

const chunk = (reply: ReplyHead, choices: readonly object[], usage?: DemoUsage): string =>
  `data: ${JSON.stringify({
    id: reply.id,
    object: 'chat.completion.chunk',
    created: reply.created,
    model: reply.request.model,
    choices,
    ...(usage ? { usage } : {}),
  })}\n\n`;

async function write(res: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!res.write(text)) await once(res, 'drain', { signal });
}

function usageOf(request: DemoRequest, answer: string): DemoUsage {
  const prompt = request.messages.reduce((sum, message) => sum + countTokens(message.text), 0);
  const completion = countTokens(answer);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function readBody(req: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    req.on('data', (part: Buffer) => {
      size += part.length;
      if (size <= MAX_BODY_BYTES) {
        parts.push(part);
        return;
      }
      req.removeAllListeners('data').resume();
      reject(new DemoRequestError(413, 'request_too_large', 'The body is larger than 4 MiB.'));
    });
    req.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    req.on('error', reject);
  });
}

function sendError(res: ServerResponse, status: number, code: string, message: string): void {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  sendJson(res, status, { error: { message, type, param: null, code } });
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  res.end(text);
}
