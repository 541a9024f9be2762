import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Says that this process alone runs its host: an advisory lock on a connection of its own, so that it ends with the
 * process, whatever ends the process.
 */
export class HostLock {
  private client: Client | undefined;
  private acquiring: Promise<boolean> | undefined;

  constructor(
    private readonly databaseUrl: string,
    private readonly hostId: string,
    private readonly onDropped: () => void,
  ) {}

  /** False when another process holds it. Throws when Postgres can't be reached. */
  tryAcquire(): Promise<boolean> {
    this.acquiring ??= this.acquire().finally(() => (this.acquiring = undefined));
    return this.acquiring;
  }

  async release(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }

  private async acquire(): Promise<boolean> {
    if (this.client) return true;
    const client = new Client({
      connectionString: this.databaseUrl,
      application_name: 'rookery-host-lock',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    client.on('error', () => this.drop(client));
    client.on('end', () => this.drop(client));
    try {
      await client.connect();
      const { rows } = await client.query<{ locked: boolean }>(
        `SELECT pg_try_advisory_lock(hashtextextended('rookery.host.' || $1, 0)) AS locked`,
        [this.hostId],
      );
      if (rows[0]?.locked) this.client = client;
    } finally {
      if (this.client !== client) await client.end().catch(() => undefined);
    }
    return this.client === client;
  }

  private drop(client: Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    client.end().catch(() => undefined);
    this.onDropped();
  }
}
