import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface DoorCall {
  readonly name: string;
  readonly key: string;
  readonly input: unknown;
  readonly context: { readonly peerId?: string; readonly sessionId?: string };
}

export interface DoorAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A local server that speaks the agent door's protocol. */
export class DoorServer {
  readonly calls: DoorCall[] = [];
  listed = 0;
  /** What `GET /door/tools` answers; a text is sent as it is. */
  list: DoorAnswer = { status: 200, body: { tools: [] } };
  answer: (call: DoorCall) => DoorAnswer | Promise<DoorAnswer> = () => ({ status: 200, body: { output: null } });
  private readonly server: Server;

  constructor() {
    this.server = createServer((req, res) => {
      void (async () => {
        const key = (req.headers.authorization ?? '').replace(/^Bearer /, '');
        const parts: Buffer[] = [];
        for await (const part of req) parts.push(part as Buffer);
        const name = /^\/door\/tools\/([^/]+)$/.exec(req.url ?? '')?.[1];
        let answer: DoorAnswer = { status: 404, body: { error: { code: 'not_found', message: 'Nothing here' } } };
        if (req.method === 'GET' && req.url === '/door/tools') {
          this.listed += 1;
          answer = this.list;
        } else if (req.method === 'POST' && name) {
          const { input, context } = JSON.parse(Buffer.concat(parts).toString()) as Omit<DoorCall, 'name' | 'key'>;
          const call = { name: decodeURIComponent(name), key, input, context };
          this.calls.push(call);
          answer = await this.answer(call);
        }
        res.writeHead(answer.status, { 'content-type': 'application/json' });
        res.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
      })();
    });
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/door`;
  }
}
