import { PROGRAMS, runProgram } from '../lib/programs.mjs';
import { say } from '../lib/console.mjs';
import { built, findNode, installed } from '../lib/toolchain.mjs';

/** Writes openapi/*.json from the code; `--check` compares instead. */
export async function run(args) {
  await installed();
  const node = findNode();
  await built(node);
  say(await runProgram(node, PROGRAMS.openapi, args, process.env));
}
