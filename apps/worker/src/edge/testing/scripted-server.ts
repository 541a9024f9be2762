import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server got it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The client's address and port: the same for requests over one connection. */
  readonly from: string;
  /** Resolves when the connection of this exchange closed; true when that was before the answer's end. */
  readonly left: Promise<boolean>;
}

export type Script = (request: SeenRequest, res: ServerResponse) => void | Promise<void>;

/** A real HTTP server on loopback that answers by a script: stands where a provider or an agent's gateway stands. */
export class ScriptedServer {
  readonly requests: SeenRequest[] = [];
  script: Script = (_request, res) => void res.end('{}');
  private server: Server | undefined;
  private port = 0;

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.endpoint}`;
  }

  get last(): SeenRequest {
    const request = this.requests.at(-1);
    if (!request) throw new Error('nothing was requested');
    return request;
  }

  /** Listens, on the same port as before if it did. */
  async start(): Promise<this> {
    const server = createServer((req, res) => void this.answer(req, res));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
    return this;
  }

  /** Cuts every connection and stops listening. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const left = new Promise<boolean>((resolve) => res.once('close', () => resolve(!res.writableFinished)));
    const from = `${req.socket.remoteAddress}:${req.socket.remotePort}`;
    const parts: Buffer[] = [];
    try {
      for await (const bytes of req) parts.push(bytes as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(parts).toString('utf8');
    const request = { method: req.method ?? '', url: req.url ?? '', headers: req.headers, body, from, left };
    this.requests.push(request);
    await this.script(request, res);
  }
}

/** One frame of an OpenAI chat completion stream. */
export const textFrame = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;

/** Answers a chat with these pieces, each written by itself, then usage and the end. */
export const says =
  (...pieces: string[]): Script =>
  (_request, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) res.write(textFrame(piece));
    res.end(
      `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 11, completion_tokens: pieces.length } })}\n\ndata: [DONE]\n\n`,
    );
  };
