import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropicWire } from './wire-anthropic.js';
import { googleWire } from './wire-google.js';
import { openaiWire } from './wire-openai.js';

export type WireName = 'openai' | 'anthropic' | 'google';

/** What a provider was asked, in words common to all three. */
export interface Asked {
  readonly key: string;
  readonly model: string;
  readonly system: string;
  readonly messages: readonly { readonly role: 'user' | 'assistant'; readonly text: string }[];
  readonly temperature: number | undefined;
  readonly maxTokens: number | undefined;
  /** Names of the tools the model may call now. */
  readonly tools: readonly string[];
  /** What called tools gave, oldest first. */
  readonly results: readonly string[];
}

export interface ToolUse {
  readonly name: string;
  readonly input: object;
}

/** What the model does in one call: says something, calls tools, or both. */
export interface Step {
  readonly words?: readonly string[];
  readonly calls?: readonly ToolUse[];
}

/** One provider's published wire format. */
export interface Wire {
  /** @throws Error when the request is not what the provider's documents ask for */
  read(path: string, headers: IncomingHttpHeaders, body: Record<string, unknown>): Asked;
  begin(): string;
  text(text: string): string;
  /** Calls of tools, and the end of an answer that waits for them. */
  calls(calls: readonly ToolUse[], hasText: boolean): string;
  /** What ends a whole answer of 7 prompt and 3 completion tokens. */
  end(reason: 'stop' | 'length'): string;
  errorInStream(): string;
  errorBody(status: number, message: string): object;
}

export type Behaviour =
  | { readonly kind: 'answer'; readonly words: readonly string[]; readonly reason?: 'stop' | 'length' }
  /** Sends the first word, the others when `release` resolves. */
  | { readonly kind: 'gated'; readonly words: readonly string[]; readonly release: Promise<void> }
  /** One step a request. */
  | { readonly kind: 'steps'; readonly steps: readonly Step[] }
  /** Decides by what it is asked. */
  | { readonly kind: 'model'; readonly step: (asked: Asked) => Step }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly message: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'error-in-stream' }
  | { readonly kind: 'early-end' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'silence' };

const WIRES: Readonly<Record<WireName, Wire>> = { openai: openaiWire, anthropic: anthropicWire, google: googleWire };

/** A local server that speaks a provider's wire format and refuses what the provider would refuse. */
export class ProviderServer {
  readonly asked: Asked[] = [];
  /** How many calls the client broke off. */
  broken = 0;
  /** Says why a request is refused with 400, if it is. */
  refuses: (asked: Asked) => string | undefined = () => undefined;
  behaviour: Behaviour = { kind: 'answer', words: ['Hello'] };
  private readonly server: Server;

  constructor(private readonly wire: WireName) {
    this.server = createServer((req, res) => {
      this.answer(req, res).catch(() => res.destroy());
    });
  }

  async start(address = '127.0.0.1'): Promise<void> {
    this.server.listen(0, address);
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get lastAsked(): Asked {
    const last = this.asked.at(-1);
    if (!last) throw new Error('the provider was not asked');
    return last;
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const wire = WIRES[this.wire];
    const behaviour = this.behaviour;
    res.on('close', () => {
      if (!res.writableFinished) this.broken += 1;
    });
    const text = await bodyOf(req);
    try {
      this.asked.push(wire.read(req.url ?? '', req.headers, JSON.parse(text) as Record<string, unknown>));
    } catch (error) {
      sendJson(res, 400, wire.errorBody(400, error instanceof Error ? error.message : 'malformed'));
      return;
    }
    const refusal = this.refuses(this.lastAsked);
    if (refusal !== undefined) {
      sendJson(res, 400, wire.errorBody(400, refusal));
      return;
    }
    if (behaviour.kind === 'status') {
      sendJson(res, behaviour.status, wire.errorBody(behaviour.status, behaviour.message), behaviour.headers);
      return;
    }
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    if (behaviour.kind === 'steps' || behaviour.kind === 'model') this.step(wire, behaviour, res);
    else await stream(wire, behaviour, res);
  }

  private step(wire: Wire, behaviour: Stepwise, res: ServerResponse): void {
    let step: Step | undefined;
    if (behaviour.kind === 'model') step = behaviour.step(this.lastAsked);
    else {
      step = behaviour.steps[0];
      this.behaviour = { kind: 'steps', steps: behaviour.steps.slice(1) };
    }
    const { words = [], calls = [] } = step ?? { words: ['nothing planned'] };
    const text = words.map((word) => wire.text(word)).join('');
    res.end(wire.begin() + text + (calls.length > 0 ? wire.calls(calls, words.length > 0) : wire.end('stop')));
  }
}

type Stepwise = Extract<Behaviour, { kind: 'steps' | 'model' }>;

async function stream(
  wire: Wire,
  behaviour: Exclude<Behaviour, { kind: 'status' | 'steps' | 'model' }>,
  res: ServerResponse,
): Promise<void> {
  res.write(wire.begin());
  switch (behaviour.kind) {
    case 'answer':
      for (const word of behaviour.words) res.write(wire.text(word));
      res.end(wire.end(behaviour.reason ?? 'stop'));
      return;
    case 'gated':
      res.write(wire.text(behaviour.words[0] ?? ''));
      await behaviour.release;
      for (const word of behaviour.words.slice(1)) res.write(wire.text(word));
      res.end(wire.end('stop'));
      return;
    case 'error-in-stream':
      res.end(wire.text('Hel') + wire.errorInStream());
      return;
    case 'early-end':
      res.end(wire.text('Hel'));
      return;
    case 'cut':
      res.write(wire.text('Hel'), () => res.destroy());
      return;
    case 'silence':
      await once(res, 'close');
  }
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of req as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

function sendJson(res: ServerResponse, status: number, body: object, headers: object = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}
