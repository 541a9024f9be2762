import { bold, dim, say } from '../lib/console.mjs';
import { CHECKS } from '../lib/checks.mjs';
import { loadEnvironment } from '../lib/environment.mjs';
import { installed } from '../lib/toolchain.mjs';

const MARKS = { ok: '✓', warn: '!', bad: '✗' };

/** Looks whether this machine can run Rookery as configured, and says what to do where it can't. Changes nothing. */
export async function run() {
  loadEnvironment();
  await installed();
  let problems = 0;
  for (const [name, check] of Object.entries(CHECKS)) {
    const { level, found, todo } = await check();
    say(`${MARKS[level]} ${bold(name)}: ${found}`);
    if (todo) say(`    ${dim(todo)}`);
    if (level === 'bad') problems += 1;
  }
  say(problems === 0 ? '\nRookery can run here.' : `\n${problems} to mend before Rookery can run here.`);
  return problems === 0 ? 0 : 1;
}
