import { Agent, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connector } from './registry-access.js';

/** For one plain request: connects by the way that its sender may take. */
export class GuardedAgent extends Agent {
  constructor(
    private readonly connector: Connector,
    private readonly target: { readonly host: string; readonly port: number },
    private readonly signal: AbortSignal,
  ) {
    super({ keepAlive: false });
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { host, port } = this.target;
    this.connector.connect(host, port, this.signal).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
  }
}
