import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const USAGE = { prompt_tokens: 40, completion_tokens: 4, total_tokens: 44 };

/**
 * A model provider on this machine that speaks OpenAI's protocol and takes one key. The last message may ask it to
 * misbehave: `[refuse]` the model, `[quote]` the key in an error, `[hang]`, fall `[silent]`, answer `[garbage]`, `[cut]`.
 */
export class LocalProvider {
  /** Keys of the calls it got, in order. */
  readonly keys: string[] = [];
  private readonly server: Server;

  constructor(private readonly key: string) {
    this.server = createServer((req, res) => void this.answer(req, res));
  }

  /** Listens on every address, so that containers reach it. @returns its base URL on loopback. */
  async start(): Promise<string> {
    this.server.listen(0, '0.0.0.0');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const key = /^Bearer (.*)$/.exec(req.headers.authorization ?? '')?.[1] ?? '';
    let body = '';
    for await (const piece of req) body += String(piece);
    this.keys.push(key);
    if (key !== this.key) return refuse(res, 401, `Incorrect API key provided: ${key}`);
    const said = JSON.stringify((JSON.parse(body) as { messages: unknown[] }).messages.at(-1));
    const mode = /\[(refuse|quote|hang|silent|garbage|cut)\]/.exec(said)?.[1];
    if (mode === 'refuse') return refuse(res, 404, 'The model `m` does not exist or you do not have access to it.');
    if (mode === 'quote') return refuse(res, 401, `Incorrect API key provided: ${key}`);
    if (mode === 'garbage') return void res.writeHead(200, { 'content-type': 'text/html' }).end('<html>Login</html>');
    if (mode === 'hang') return;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(frame([{ index: 0, delta: { role: 'assistant', content: 'Hello from ' } }]));
    if (mode === 'silent') return;
    if (mode === 'cut') return void setTimeout(() => res.destroy(), 100);
    res.write(frame([{ index: 0, delta: { content: 'the provider' } }]));
    res.write(frame([{ index: 0, delta: {}, finish_reason: 'stop' }]));
    res.end(`${frame([], USAGE)}data: [DONE]\n\n`);
  }
}

const frame = (choices: readonly object[], usage?: object): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'm', choices, usage })}\n\n`;

const refuse = (res: ServerResponse, status: number, message: string): void =>
  void res
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } }));
