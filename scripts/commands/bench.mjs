import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bold, say } from '../lib/console.mjs';
import { ROOT } from '../lib/environment.mjs';
import { Failure } from '../lib/failure.mjs';
import { prepared } from '../lib/toolchain.mjs';

/** Runs every measurement of test/bench, or those whose name contains one of the words given. */
export async function run(words) {
  const folder = join(ROOT, 'test', 'bench');
  const all = readdirSync(folder).filter((name) => name.endsWith('.bench.mjs'));
  const chosen = all.filter((name) => words.length === 0 || words.some((word) => name.includes(word))).sort();
  if (chosen.length === 0) throw new Failure(`No measurement is called so; there are ${all.join(', ')}`);
  const node = await prepared();
  const missed = chosen.filter((name) => {
    say(`\n${bold(name)}`);
    return spawnSync(node, [join(folder, name)], { cwd: ROOT, stdio: 'inherit' }).status !== 0;
  });
  return missed.length === 0 ? 0 : 1;
}
