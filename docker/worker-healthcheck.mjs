// Ends with 0 when this host's worker has said within the last 30 s that it lives.
import { readFileSync } from 'node:fs';
import pg from 'pg';

const connectionString = process.env.DATABASE_URL || readFileSync(process.env.DATABASE_URL_FILE, 'utf8').trim();
const client = new pg.Client({ connectionString, connectionTimeoutMillis: 3_000, query_timeout: 3_000 });
try {
  await client.connect();
  const { rowCount } = await client.query(
    `SELECT FROM hosts WHERE id = $1 AND heartbeat_at > now() - interval '30 seconds'`,
    [process.env.HOST_ID],
  );
  process.exit(rowCount === 1 ? 0 : 1);
} catch {
  process.exit(1);
}
