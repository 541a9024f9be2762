import 'reflect-metadata';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { ChainItem } from '#libs/audit';
import { loadConfig } from '#libs/config';
import { withStoredChains } from './audit-source.js';

/** Writes all chains (with `--org <id>` one) as lines of JSON to `--out <file>`, for `audit:verify --export` elsewhere. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: 'string' }, org: { type: 'string' } } });
  const { out } = values;
  if (out === undefined) throw new Error('--out must name the file to write');
  await withStoredChains(loadConfig().databaseUrl, values.org, (chains) =>
    pipeline(Readable.from(lines(chains)), createWriteStream(out, { mode: 0o600 })),
  );
  process.stdout.write(`${out}\n`);
}

async function* lines(chains: AsyncIterable<ChainItem>): AsyncGenerator<string> {
  for await (const item of chains) yield `${JSON.stringify(item)}\n`;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
