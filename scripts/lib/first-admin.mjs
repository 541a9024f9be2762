import * as fs from 'node:fs';
import { join } from 'node:path';
import { say } from './console.mjs';
import { PROGRAMS, runProgram } from './programs.mjs';

/**
 * At the first start on a data folder: makes the platform admin with an API key and keeps both in `credentials` (0600).
 * @returns `{ email, password, apiKey, fresh }`, or undefined when they were made before
 */
export async function firstAdmin({ node, dir, env }) {
  const file = join(dir, 'credentials');
  if (fs.existsSync(file)) return undefined;
  const made = JSON.parse(await runProgram(node, PROGRAMS.adminCreate, ['--first', '--json'], env));
  if (made.exists) {
    say(`  The database has an admin already; ${file} is not written. "npm run admin:create" makes another.`);
    return undefined;
  }
  const lines = [`EMAIL=${made.email}`, `PASSWORD=${made.password}`, `API_KEY=${made.apiKey}`];
  fs.writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
  return { ...made, fresh: true };
}
