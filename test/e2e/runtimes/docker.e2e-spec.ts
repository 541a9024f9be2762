import { afterAll, beforeAll, expect } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import { houseVersion } from '../../../apps/agent/test/runtimes-doc.js';
import { PackageRegistries, describeIf, requireTool } from '#libs/testing';
import { gatewayConformance } from './conformance.js';
import { openclawWithDemoModel } from './openclaw-demo.js';
import { registryTools } from './registry-tools.js';
import { hasOpenclaw, OPENCLAW_VERSION, openclawDir, type StartedWorld, startWorld } from './world.js';

const NODE_UID = 1000;
const NAMES = { RUNTIME: 'docker', HOST_ID: 'rookery-e2e-runtimes', EDGE_CONTAINER: 'rookery-e2e-runtimes-edge' };

describeIf(requireTool('docker') && hasOpenclaw(), 'runtimes of agents in containers', () => {
  const docker = new Docker();
  const registries = new PackageRegistries();
  let world: StartedWorld;

  beforeAll(async () => {
    await registries.start();
    const build = [process.execPath, ['scripts/local-images.mjs', 'openclaw']] as const;
    execFileSync(...build, { stdio: 'pipe', env: { ...process.env, OPENCLAW_DIR: openclawDir() } });
    const images = { OPENCLAW_IMAGE: 'rookery/openclaw:local', DOCKER_SUBNET_POOL: '10.232.0.0/16' };
    const environment = { ...NAMES, ...images, TOOLS_NPM_REGISTRY: `http://127.0.0.1:${registries.port}/npm` };
    world = await startWorld(environment, '0.0.0.0', async (_rookery, agentId, path, content) => {
      const archive = pack();
      const owner = { uid: NODE_UID, gid: NODE_UID };
      const folders = path.split('/').slice(0, -1);
      folders.forEach((_, at) =>
        archive.entry({ ...owner, name: `${folders.slice(0, at + 1).join('/')}/`, type: 'directory', mode: 0o700 }),
      );
      archive.entry({ ...owner, name: path, mode: 0o600 }, content);
      archive.finalize();
      await docker.getContainer(`rookery-agent-${agentId}`).putArchive(await buffer(archive), { path: '/workspace' });
    });
  }, 600_000);
  afterAll(async () => {
    await world?.close();
    await registries.stop();
  }, 120_000);

  const inspect = async (agentId: string): Promise<void> => {
    const { HostConfig, Config } = await docker.getContainer(`rookery-agent-${agentId}`).inspect();
    expect(HostConfig).toMatchObject({ Memory: 2048 * 1024 * 1024, NanoCpus: 2e9, PidsLimit: 512, CapDrop: ['ALL'] });
    expect(HostConfig.ReadonlyRootfs).toBe(true);
    expect(Config.Env.join('\n')).not.toMatch(/sk-/);
  };

  gatewayConformance({ world: 'house, docker', runtime: 'house', version: houseVersion() }, () => world);
  gatewayConformance(
    { world: 'OpenClaw, docker', runtime: 'openclaw', version: OPENCLAW_VERSION, inspect },
    () => world,
  );

  registryTools(() => ({ client: world.client, registries }), NAMES.HOST_ID);

  openclawWithDemoModel(
    () => world,
    () => ({
      list: (agentId) => pathsIn(docker, `rookery-agent-${agentId}`),
      wipe: (agentId) => docker.getVolume(`rookery-agent-${agentId}`).remove(),
    }),
  );
});

/** Files of a container's workspace, relative to it. */
async function pathsIn(docker: Docker, container: string): Promise<string[]> {
  const archive = await docker.getContainer(container).getArchive({ path: '/workspace' });
  const entries = archive.pipe(extract());
  const paths: string[] = [];
  for await (const entry of entries) {
    paths.push(entry.header.name.replace(/^workspace\//, ''));
    entry.resume();
  }
  return paths;
}
