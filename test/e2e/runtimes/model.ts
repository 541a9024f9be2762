import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface WireMessage {
  readonly role: string;
  readonly content: unknown;
}

interface Asked {
  readonly messages: readonly WireMessage[];
  readonly tools: readonly string[];
  /** The whole request, as text. */
  readonly body: string;
}

type Reply = { readonly words: readonly string[] } | { readonly calls: readonly [name: string, input: string][] };

/** Tools of both runtimes through which one end user could look for another's words. */
const TOOLS: readonly [string, (canary: string) => object][] = [
  [
    'exec',
    (canary) => ({ command: `grep -rs ${canary} / --include=* --exclude-dir=proc --exclude-dir=sys | head -5` }),
  ],
  ['process', () => ({ action: 'list' })],
  ['read', () => ({ path: '.openclaw/agents/peers/agent/openclaw-agent.sqlite' })],
  ['ls', () => ({ path: '.' })],
  ['write', (canary) => ({ path: 'found.txt', content: canary.slice(0, 3) })],
  ['edit', () => ({ path: 'SOUL.md', edits: [{ oldText: 'You', newText: 'We' }] })],
  ['apply_patch', () => ({ input: '*** Begin Patch\n*** End Patch' })],
  ['memory_search', (canary) => ({ query: canary.slice(0, 8) })],
  ['memory_get', () => ({ path: 'MEMORY.md' })],
  ['memory_read', () => ({ path: 'notes.md' })],
  ['memory_list', () => ({})],
  ['sessions_list', () => ({ limit: 50, messageLimit: 20 })],
  ['sessions_search', (canary) => ({ query: canary.slice(0, 8) })],
  ['sessions_history', () => ({ sessionKey: 'agent:main:main', limit: 50 })],
  ['conversations_list', () => ({})],
  ['session_status', () => ({})],
  ['sessions_send', () => ({ sessionKey: 'agent:main:main', message: 'repeat what you know' })],
  ['sessions_spawn', () => ({ task: 'grep the workspace', agentId: 'main' })],
  ['agents_list', () => ({})],
  ['tool_search', () => ({ query: 'files' })],
  ['tool_call', () => ({ id: 'exec', args: { command: 'cat SOUL.md' } })],
  ['openclaw', () => ({ args: ['sessions', 'list'] })],
  ['gateway', () => ({ action: 'config.get' })],
  ['message', () => ({ action: 'read' })],
  ['web_fetch', () => ({ url: 'http://127.0.0.1/' })],
];

/**
 * A model provider that does what the last message says, over real HTTP:
 * `stream <n>` n words apart, `say <text>`, `hang` an answer without a word or an end, `seen <word>` whether the request holds the word,
 * `tools <word>` calls every tool it can think of and tells which results held the word and which tools were offered.
 */
export class ConformanceModel {
  /** Answers that were left before their end. */
  left = 0;
  calls = 0;
  private server: Server | undefined;
  private port = 0;

  constructor(private readonly bind: string) {}

  /** Base URL for programs of this machine. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  async start(): Promise<void> {
    this.server = createServer((req, res) => void this.answer(req, res));
    this.server.listen(this.port, this.bind);
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    this.calls += 1;
    res.once('close', () => (this.left += res.writableFinished ? 0 : 1));
    const parts: Buffer[] = [];
    for await (const bytes of req) parts.push(bytes as Buffer);
    const body = Buffer.concat(parts).toString('utf8');
    const json = JSON.parse(body) as { messages: WireMessage[]; tools?: { function: { name: string } }[] };
    const asked = { messages: json.messages, tools: (json.tools ?? []).map((tool) => tool.function.name), body };
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const said = lastSaid(asked.messages);
    if (said.startsWith('hang')) return res.flushHeaders();
    await write(res, planned(said, asked));
  }
}

/** What the user typed last, without what a runtime puts around it, and without an earlier message that got no answer. */
function lastSaid(messages: readonly WireMessage[]): string {
  const users = messages.filter(({ role }) => role === 'user').map(({ content }) => textOf(content));
  const last = users.findLast((text) => !text.startsWith('<<<BEGIN_OPENCLAW')) ?? '';
  const current = last.split('[Current message - respond to this]\nUser: ').at(-1) ?? last;
  const typed = current.replace(/^\[[^\]]* UTC\] /, '').split('\n\nRuntime: agent=')[0] ?? '';
  return typed.split('\n\n').at(-1) ?? typed;
}

function planned(said: string, asked: Asked): Reply {
  const [command = '', argument = ''] = said.split(' ');
  if (command === 'stream') return { words: Array.from({ length: Number(argument) }, (_, at) => `word${at} `) };
  if (command === 'seen') return { words: [asked.body.split(argument).length > 2 ? 'yes' : 'no'] };
  if (command === 'tools') return tried(argument, asked);
  return { words: ['You ', 'said: ', said] };
}

function tried(canary: string, asked: Asked): Reply {
  const results = asked.messages.filter(({ role }) => role === 'tool').map(({ content }) => textOf(content));
  if (results.length > 0) {
    const found = results.filter((result) => result.includes(canary)).length;
    return { words: [JSON.stringify({ tried: results.length, found, offered: asked.tools })] };
  }
  const known = new Set(TOOLS.map(([name]) => name));
  const others = asked.tools.filter((name) => !known.has(name)).map((name) => [name, '{}'] as [string, string]);
  return {
    calls: [...TOOLS.map(([name, input]) => [name, JSON.stringify(input(canary))] as [string, string]), ...others],
  };
}

async function write(res: ServerResponse, reply: Reply): Promise<void> {
  if ('calls' in reply) {
    const calls = reply.calls.map(([name, input], index) => ({
      index,
      id: `call_${index}`,
      type: 'function',
      function: { name, arguments: input },
    }));
    res.write(frame({ role: 'assistant', tool_calls: calls }));
    res.write(frame({}, 'tool_calls'));
  } else {
    for (const word of reply.words) {
      if (res.destroyed) return;
      res.write(frame({ role: 'assistant', content: word }));
      if (reply.words.length > 1) await sleep(10);
    }
    res.write(frame({}, 'stop'));
  }
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  res.end(`data: ${JSON.stringify({ ...HEAD, choices: [], usage })}\n\ndata: [DONE]\n\n`);
}

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm-1' };
const frame = (delta: object, reason: string | null = null): string =>
  `data: ${JSON.stringify({ ...HEAD, choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (part as { text?: string }).text ?? '').join('');
}
