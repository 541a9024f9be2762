import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { step } from './console.mjs';
import { readJson, writeJson } from './data-folder.mjs';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';
import { buildStamp, captured } from './toolchain.mjs';

const AGENT_IMAGE = 'rookery/agent:local';
const EDGE_IMAGE = 'rookery/edge:local';

/**
 * Makes the images of this checkout that are missing or older than the build; images named in the environment are left
 * to the engine. @returns variables by which the worker runs agents and the edge as containers
 */
export async function dockerImages({ node, dir, env }) {
  await mustAnswer();
  const given = { AGENT_IMAGE: env.AGENT_IMAGE?.trim(), EDGE_IMAGE: env.EDGE_IMAGE?.trim() };
  const own = [!given.AGENT_IMAGE && AGENT_IMAGE, !given.EDGE_IMAGE && EDGE_IMAGE].filter(Boolean);
  if (own.length > 0 && !(await upToDate(dir, own))) {
    await step(`Making the images ${own.join(' and ')}`, () => makeImages(node, env));
    writeJson(join(dir, 'images.json'), { build: buildStamp() });
  }
  return { AGENT_IMAGE: given.AGENT_IMAGE || AGENT_IMAGE, EDGE_IMAGE: given.EDGE_IMAGE || EDGE_IMAGE };
}

/** Stops the edge's container; the worker starts it again. A missing one is fine. */
export async function stopEdgeContainer(env) {
  const name = env.EDGE_CONTAINER?.trim() || 'rookery-edge';
  await engine('POST', `/containers/${encodeURIComponent(name)}/stop?t=6`).catch(() => undefined);
}

async function mustAnswer() {
  const status = await engine('GET', '/_ping').catch((error) => error.code ?? error.message);
  if (status !== 200) throw new Failure(`RUNTIME=docker, but no Docker engine answers at ${socketPath()} (${status})`);
}

async function upToDate(dir, images) {
  if (readJson(join(dir, 'images.json'))?.build !== buildStamp()) return false;
  const found = await Promise.all(images.map((image) => engine('GET', `/images/${image}/json`)));
  return found.every((status) => status === 200);
}

async function makeImages(node, env) {
  const script = join(ROOT, 'scripts', 'local-images.mjs');
  if (!existsSync(script)) throw new Failure(`${script} is missing`);
  const { code, output } = await captured(node, ['--no-warnings', script], env);
  if (code !== 0) throw new Failure(`The images could not be made:\n${output.trim()}`);
}

const socketPath = () => /^unix:\/\/(.+)$/.exec(process.env.DOCKER_HOST ?? '')?.[1] ?? '/var/run/docker.sock';

/** Status code of a request to the engine. */
function engine(method, path) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socketPath(), method, path, timeout: 30_000 }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    call.on('timeout', () => call.destroy(new Error('no answer within 30 s')));
    call.on('error', reject).end();
  });
}
