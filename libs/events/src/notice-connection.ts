import { Client } from 'pg';

const CHANNEL = 'rookery_notices';
const FIRST_BACKOFF_MS = 50;
const MOST_BACKOFF_MS = 1_000;
const PING_INTERVAL_MS = 10_000;
const QUERY_TIMEOUT_MS = 5_000;

/** What happens on the connection. */
export interface NoticeEvents {
  /** Another process rang. */
  onPayload(payload: string): void;
  /** Connected, first or again: what was rung meanwhile is unknown. */
  onConnected(): void;
  onError(error: unknown): void;
}

/** One dedicated session that listens and rings, and comes back by itself when it is lost. */
export class NoticeConnection {
  private client: Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private backoffMs = FIRST_BACKOFF_MS;
  private closed = false;

  constructor(
    private readonly databaseUrl: string,
    private readonly events: NoticeEvents,
  ) {}

  get connected(): boolean {
    return this.client !== undefined;
  }

  /** Tries until it is connected or closed; resolves after the first try. */
  async connect(): Promise<void> {
    if (this.closed) return;
    const client = new Client({
      connectionString: this.databaseUrl,
      application_name: 'rookery-notices',
      keepAlive: true,
      connectionTimeoutMillis: QUERY_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
    });
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ payload, processId }) => {
      if (payload && processId !== backendPid(client)) this.events.onPayload(payload);
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      client.end().catch(() => undefined);
      this.events.onError(error);
      this.retry();
      return;
    }
    this.client = client;
    this.backoffMs = FIRST_BACKOFF_MS;
    this.timer = setInterval(() => this.ping(client), PING_INTERVAL_MS).unref();
    this.events.onConnected();
  }

  /** Rings in every other process. @throws Error when not connected or the connection breaks. */
  async send(payloads: readonly string[]): Promise<void> {
    if (!this.client) throw new Error('Not connected');
    await this.client.query({
      name: 'notify',
      text: 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) payload',
      values: [CHANNEL, payloads],
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    const { client } = this;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }

  private ping(client: Client): void {
    client.query('SELECT 1').catch((error: unknown) => this.lost(client, error));
  }

  private lost(client: Client, error?: unknown): void {
    if (this.client !== client) return;
    this.client = undefined;
    clearTimeout(this.timer);
    client.end().catch(() => undefined);
    this.events.onError(error ?? new Error('Connection ended'));
    this.retry();
  }

  private retry(): void {
    if (this.closed) return;
    this.timer = setTimeout(() => void this.connect(), this.backoffMs);
    this.backoffMs = Math.min(this.backoffMs * 2, MOST_BACKOFF_MS);
  }
}

/** pg keeps the server process behind a connection without saying so in its types. */
const backendPid = (client: Client): number | undefined => (client as unknown as { processID?: number }).processID;
