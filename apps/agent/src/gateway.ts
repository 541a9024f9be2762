import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sendJson } from './completion-writer.js';
import { GatewayError } from './gateway-error.js';
import { log } from './log.js';
import type { AgentSettings } from './settings.js';
import { discardSkills } from './skills/discard-skills.js';

const RECEIVE_TIMEOUT_MS = 30_000;
/** Longer than the relay keeps an idle connection, so that it is never the agent that closes one about to be used. */
const KEEP_ALIVE_MS = 75_000;

/** What answers chats behind the gateway. */
export interface ChatDoor {
  /** @throws GatewayError as long as the answer has not begun */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** Ends every running turn with an error frame. */
  abortAll(): void;
}

/** What a gateway says of itself besides what the server knows. */
export interface GatewayFacts {
  /** Chats may begin. */
  isReady(): boolean;
  /** Chats with a peer are taken. */
  readonly servesPeers: boolean;
}

const HOUSE: GatewayFacts = { isReady: () => true, servesPeers: true };

/** The agent's HTTP door: `/healthz`, `/readyz` and, for bearers of the gateway token, chats and the discarding of skills. */
export class Gateway {
  private readonly server: Server;
  private readonly tokenDigest: Buffer;
  private accepting = false;

  constructor(
    private readonly settings: AgentSettings,
    private readonly chat: ChatDoor,
    private readonly facts: GatewayFacts = HOUSE,
  ) {
    this.tokenDigest = digest(settings.gatewayToken);
    this.server = createServer({ requestTimeout: RECEIVE_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS }, (req, res) => {
      res.once('close', () => {
        // A kept-alive connection would otherwise hold up the stop.
        if (!this.accepting) setImmediate(() => this.server.closeIdleConnections());
      });
      this.route(req, res).catch((error: unknown) => refuse(res, error));
    });
  }

  /** @returns the port it listens on */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.settings.port, this.settings.bind, resolve);
    });
    this.accepting = true;
    const address = this.server.address();
    return typeof address === 'object' && address ? address.port : this.settings.port;
  }

  /** Takes nothing new, lets running turns go on for `drainMs`, then ends them. */
  async close(): Promise<void> {
    this.accepting = false;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const abort = setTimeout(() => this.chat.abortAll(), this.settings.drainMs);
    const cut = setTimeout(() => this.server.closeAllConnections(), this.settings.drainMs + 500);
    await closed;
    clearTimeout(abort);
    clearTimeout(cut);
  }

  private async route(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [path, query] = (req.url ?? '/').split('?', 2);
    if (!this.accepting) res.setHeader('connection', 'close');
    if (req.method === 'GET' && path === '/healthz') {
      sendJson(res, 200, { status: 'ok', agentId: this.settings.agentId, nonce: this.settings.nonce });
      return;
    }
    if (req.method === 'GET' && path === '/readyz') {
      this.tellReadiness(res, query === 'for=peers');
      return;
    }
    this.authenticate(req);
    if (req.method === 'POST' && path === '/v1/skills/discard') {
      await discardSkills(req, this.settings.workspace);
      res.writeHead(204).end();
      return;
    }
    if (path !== '/v1/chat/completions') throw new GatewayError(404, 'not_found', 'There is nothing here.');
    if (req.method !== 'POST') throw new GatewayError(405, 'method_not_allowed', 'Only POST is understood here.');
    if (!this.accepting) throw new GatewayError(503, 'agent_stopping', 'The agent is being stopped.');
    await this.chat.handle(req, res);
  }

  private tellReadiness(res: ServerResponse, forPeers: boolean): void {
    if (!this.accepting) return sendJson(res, 503, { status: 'stopping' });
    if (forPeers && !this.facts.servesPeers) return sendJson(res, 501, { status: 'peers are not served' });
    const ready = this.facts.isReady();
    sendJson(res, ready ? 200 : 503, { status: ready ? 'ready' : 'starting' });
  }

  private authenticate(req: IncomingMessage): void {
    const given = /^Bearer (.+)$/i.exec(req.headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(given), this.tokenDigest)) {
      throw new GatewayError(401, 'unauthorized', 'The gateway token is missing or wrong.');
    }
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function refuse(res: ServerResponse, error: unknown): void {
  if (error instanceof GatewayError) {
    sendJson(res, error.status, error.toBody(), error.status === 503 ? { 'retry-after': '1' } : {});
    return;
  }
  log('error', `request failed: ${error instanceof Error ? error.name : 'unknown'}`);
  sendJson(res, 500, { error: { code: 'internal_error', message: 'The agent failed.' } });
}
