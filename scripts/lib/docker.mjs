import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { step } from './console.mjs';
import { readJson, writeJson } from './data-folder.mjs';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';
import { buildStamp, captured } from './toolchain.mjs';

const AGENT_IMAGE = 'rookery/agent:local';
const EDGE_IMAGE = 'rookery/edge:local';
const TOOLS_IMAGE = 'rookery/tools:local';
const REGISTRIES = ['TOOLS_NPM_REGISTRY', 'TOOLS_PIP_INDEX', 'TOOLS_GO_PROXY', 'TOOLS_APT_SOURCE'];
const NAMES = { [AGENT_IMAGE]: 'agent', [EDGE_IMAGE]: 'rookery', [TOOLS_IMAGE]: 'tools' };
const PING_TIMEOUT_MS = 10_000;
const STOP_SECONDS = 6;

/**
 * Makes the images of this checkout that are missing or older than the build; images named in the environment are left
 * to the engine. @returns variables by which the worker runs agents and the edge as containers
 */
export async function dockerImages({ node, dir, env }) {
  const given = { AGENT_IMAGE: env.AGENT_IMAGE?.trim(), EDGE_IMAGE: env.EDGE_IMAGE?.trim() };
  // installs what skills require, which needs a registry
  const installs = !env.TOOLS_IMAGE?.trim() && REGISTRIES.some((name) => env[name]?.trim() || env[`${name}_FILE`]);
  const own = [!given.AGENT_IMAGE && AGENT_IMAGE, !given.EDGE_IMAGE && EDGE_IMAGE, installs && TOOLS_IMAGE].filter(
    Boolean,
  );
  if (own.length > 0 && !(await upToDate(dir, own))) {
    await step(`Making the images ${own.join(' and ')}`, () => makeImages(node, env, own));
    writeJson(join(dir, 'images.json'), { build: buildStamp() });
  }
  return { AGENT_IMAGE: given.AGENT_IMAGE || AGENT_IMAGE, EDGE_IMAGE: given.EDGE_IMAGE || EDGE_IMAGE };
}

/** Stops the edge's container; the worker starts it again. A missing one is fine. */
export async function stopEdgeContainer(env) {
  const name = env.EDGE_CONTAINER?.trim() || 'rookery-edge';
  const docker = await engine();
  await docker
    .getContainer(name)
    .stop({ t: STOP_SECONDS })
    .catch(() => undefined);
}

/** @throws Failure when `RUNTIME=docker` has no engine to speak to */
export async function mustReachDocker() {
  try {
    await (await engine()).ping({ abortSignal: AbortSignal.timeout(PING_TIMEOUT_MS) });
  } catch (error) {
    const where = process.env.DOCKER_HOST || '/var/run/docker.sock';
    throw new Failure(`RUNTIME=docker, but no Docker engine answers at ${where} (${error.code ?? error.message})`);
  }
}

async function upToDate(dir, images) {
  if (readJson(join(dir, 'images.json'))?.build !== buildStamp()) return false;
  const docker = await engine();
  const found = await Promise.all(
    images.map((image) =>
      docker
        .getImage(image)
        .inspect()
        .catch(() => undefined),
    ),
  );
  return found.every(Boolean);
}

async function makeImages(node, env, images) {
  const script = join(ROOT, 'scripts', 'local-images.mjs');
  if (!existsSync(script)) throw new Failure(`${script} is missing`);
  const { code, output } = await captured(node, ['--no-warnings', script, ...images.map((image) => NAMES[image])], env);
  if (code !== 0) throw new Failure(`The images could not be made:\n${output.trim()}`);
}

/** Only now: the launcher runs before anything is installed. DOCKER_HOST and its kin are read by the library. */
async function engine() {
  const { default: Docker } = await import('dockerode');
  return new Docker();
}
