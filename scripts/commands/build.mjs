import { built, findNode, installed } from '../lib/toolchain.mjs';

/** Installs and builds what changed. */
export async function run() {
  await installed();
  await built(findNode());
}
