import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** Longer than any client of ours keeps an idle connection, so that the client closes first. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_TIMEOUT_MS = 30_000;

/** Answers one request; must not reject. */
export type DoorHandler = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

/** Answers one CONNECT request on its bare connection; must not reject. */
export type ConnectHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void | Promise<void>;

/** One listening plain HTTP server, without a limit on how long a body may take. */
export class HttpDoor {
  private readonly server: Server;
  /** Connections of CONNECT requests, which the server has let go. */
  private readonly tunnels = new Set<Duplex>();

  /** @param name what it is called in errors, for example `the relay door (EDGE_RELAY_PORT)` */
  constructor(
    private readonly name: string,
    handler: DoorHandler,
    also: { readonly connect?: ConnectHandler } = {},
  ) {
    this.server = createServer(
      { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS },
      (req, res) => {
        res.once('close', () => this.leave());
        void handler(req, res);
      },
    );
    const { connect } = also;
    if (!connect) return;
    this.server.on('connect', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.tunnels.add(socket);
      socket.once('close', () => this.tunnels.delete(socket));
      void connect(req, socket, head);
    });
  }

  /** @throws Error that says which door could not listen where, and why. */
  listen(port: number, bind: string): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = REASONS[error.code ?? ''] ?? error.message;
        reject(new Error(`${this.name} can't listen on ${bind}:${port}: ${reason}`, { cause: error }));
      });
      this.server.listen(port, bind, () => {
        this.server.removeAllListeners('error');
        this.server.on('error', () => undefined);
        resolve(this.server.address() as AddressInfo);
      });
    });
  }

  /** Takes no more requests, lets open ones end for `drainMs`, then cuts them. */
  async close(drainMs: number): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const cut = setTimeout(() => {
      this.server.closeAllConnections();
      this.tunnels.forEach((socket) => socket.destroy());
    }, drainMs);
    await closed;
    clearTimeout(cut);
  }

  /** Node would take further requests on a connection that was busy when the door closed. */
  private leave(): void {
    if (!this.server.listening) setImmediate(() => this.server.closeIdleConnections());
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program',
  EACCES: 'this user may not use the port',
  EADDRNOTAVAIL: 'this machine has no such address',
};
