import { Client } from 'pg';
import type { Sql } from '#libs/database';

/** A connection of its own: a copy is one long transaction, and longer than those of the programs may be. */
export interface Connection extends Pick<Sql, 'query'> {
  readonly client: Client;
  close(): Promise<void>;
}

export async function connect(databaseUrl: string): Promise<Connection> {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'rookery-backup',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  return {
    client,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await client.query(text, [...values])).rows as Row[],
    close: () => client.end(),
  };
}
