import * as fs from 'node:fs';
import { join } from 'node:path';
import { say } from './console.mjs';
import { PROGRAMS, runProgram } from './programs.mjs';

/** Taken on the disk before there is an admin, whose password would be lost where it can't be written. */
const ROOM_BYTES = 1_024;

/**
 * At the first start on a data folder: makes the platform admin with an API key and keeps both in `credentials` (0600).
 * @returns `{ email, password, apiKey, fresh }`, or undefined when they were made before
 */
export async function firstAdmin({ node, dir, env }) {
  const file = join(dir, 'credentials');
  if (fs.existsSync(file)) return undefined;
  const draft = `${file}.new`;
  fs.writeFileSync(draft, ' '.repeat(ROOM_BYTES), { mode: 0o600 });
  const made = JSON.parse(await runProgram(node, PROGRAMS.adminCreate, ['--first', '--json'], env));
  if (made.exists) {
    fs.rmSync(draft);
    say(`  The database has an admin already; ${file} is not written. "npm run admin:create" makes another.`);
    return undefined;
  }
  const lines = [`EMAIL=${made.email}`, `PASSWORD=${made.password}`, `API_KEY=${made.apiKey}`];
  fs.writeFileSync(draft, `${lines.join('\n')}\n`, { flag: 'r+' });
  fs.truncateSync(draft, lines.join('\n').length + 1);
  fs.renameSync(draft, file);
  return { ...made, fresh: true };
}
