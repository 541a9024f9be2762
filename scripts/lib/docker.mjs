import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { step } from './console.mjs';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';
import { captured } from './toolchain.mjs';

/** Images the docker runtime needs; made from this checkout where they are missing. */
const AGENT_IMAGE = 'rookery/agent:local';
const EDGE_IMAGE = 'rookery/edge:local';

/** Makes missing images. @returns variables that let the worker run the edge as a container */
export async function dockerEdge(node, env) {
  const agentImage = env.AGENT_IMAGE?.trim() || AGENT_IMAGE;
  const edgeImage = env.EDGE_IMAGE?.trim() || EDGE_IMAGE;
  await mustAnswer(env);
  const missing = [];
  for (const image of [agentImage, edgeImage]) if (!(await isThere(image, env))) missing.push(image);
  if (missing.length > 0) await step(`Making the images ${missing.join(' and ')}`, () => makeImages(node, env));
  return { AGENT_IMAGE: agentImage, EDGE_IMAGE: edgeImage };
}

async function mustAnswer(env) {
  const { code, output } = await captured('docker', ['version', '--format', '{{.Server.Version}}'], env);
  if (code === 127) throw new Failure('RUNTIME=docker needs the docker command, which is not on PATH');
  if (code !== 0)
    throw new Failure(`RUNTIME=docker, but no Docker engine answers: ${output.trim().split('\n').at(-1)}`);
}

const isThere = async (image, env) => (await captured('docker', ['image', 'inspect', image], env)).code === 0;

async function makeImages(node, env) {
  const script = join(ROOT, 'scripts', 'local-images.mjs');
  if (!existsSync(script)) throw new Failure(`${script} is missing`);
  const { code, output } = await captured(node, [script], env);
  if (code !== 0) throw new Failure(`The images could not be made:\n${output.trim()}`);
}
