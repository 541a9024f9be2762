import { rmSync } from 'node:fs';
import { stopPostgres } from '../../../scripts/lib/postgres.mjs';

export default async function teardown() {
  const { pid, dir } = globalThis.rookeryTestServer;
  await stopPostgres(pid, 3_000);
  rmSync(dir, { recursive: true, force: true });
}
