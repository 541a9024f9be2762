import { createServer } from 'node:net';
import { join } from 'node:path';
import { NumberBook } from './number-book.js';

/** Below the ranges from which Linux and macOS give out ports for outgoing connections. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

/** Loopback ports of this host's agents, kept in `DATA_DIR/ports`. */
export class Ports {
  private readonly book: NumberBook;

  constructor(dataDir: string) {
    this.book = new NumberBook(join(dataDir, 'ports'), FIRST_PORT, PORTS);
  }

  /** The agent's port, or another one when a stranger listens there. Only while the agent does not run. */
  async portOf(agentId: string): Promise<number> {
    const known = this.book.find(agentId);
    if (known !== undefined && (await isFree(known))) return known;
    this.book.forget(agentId);
    return this.book.numberOf(agentId, isFree);
  }

  forget(agentId: string): void {
    this.book.forget(agentId);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
