import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { describeIf, eventually, requireTool } from '#libs/testing';
import { removeHost } from '../e2e/docker-host.js';
import { type KilledWorker, type WorkerWorld, killedWorker, workerWorld } from './worker-world.js';

const HOST = `kill-docker-${process.pid}`;
const ENVIRONMENT = {
  RUNTIME: 'docker',
  HOST_ID: HOST,
  EDGE_CONTAINER: `rookery-edge-${HOST}`,
  EDGE_IMAGE: 'rookery/edge:local',
  AGENT_IMAGE: 'rookery/agent:local',
  DOCKER_SUBNET_POOL: '10.231.0.0/16',
};

const signal = new AbortController().signal;

describeIf(requireTool('docker'), 'kill -9 of the worker and of agents (docker runtime)', () => {
  const docker = new Docker();
  let world: WorkerWorld;
  let worker: KilledWorker;

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/local-images.mjs', 'agent', 'rookery'], { stdio: 'pipe' });
    world = await workerWorld();
    worker = await killedWorker(world, ENVIRONMENT);
  }, 300_000);
  afterAll(async () => {
    await world.close();
    await removeHost(HOST);
  }, 120_000);

  const containers = (agentId: string): Promise<Docker.ContainerInfo[]> =>
    docker.listContainers({ all: true, filters: { label: [`dev.rookery.agent=${agentId}`] } });

  const hasOneContainer = (agentId: string): Promise<string> =>
    eventually(
      async () => {
        const found = await containers(agentId);
        if (found.length !== 1 || found[0]!.State !== 'running') {
          throw new Error(`Agent ${agentId} has ${JSON.stringify(found.map(({ State }) => State))}`);
        }
        return found[0]!.Id;
      },
      { timeoutMs: 15_000, intervalMs: 100 },
    );

  it.each([0, 60, 200, 500, 900])(
    'brings an agent up whose worker was killed %i ms after its creation',
    async (delayMs) => {
      const agent = await world.create();
      await sleep(delayMs);
      await worker.replace();
      await world.reaches(agent.id, 'running');
      await hasOneContainer(agent.id);
    },
    60_000,
  );

  it('keeps containers when it takes them over, and starts one again that was killed', async () => {
    const agent = await worker.running();
    const before = await hasOneContainer(agent.id);
    await worker.replace();
    await sleep(3_000);
    expect(await hasOneContainer(agent.id)).toBe(before);
    await docker.getContainer(before).kill({ signal: 'SIGKILL' });
    await eventually(async () => (await hasOneContainer(agent.id)) !== before, { timeoutMs: 15_000 });
    await world.reaches(agent.id, 'running');
  }, 60_000);

  it.each([0, 100, 300, 700])(
    'stops an agent although the worker was killed %i ms after the command',
    async (delayMs) => {
      const agent = await worker.running();
      await worker.replaceAfter(delayMs, () => world.agents.stop(world.org.caller, agent.id));
      await world.reaches(agent.id, 'stopped');
      expect((await containers(agent.id)).filter(({ State }) => State === 'running')).toEqual([]);
      await world.agents.start(world.org.caller, agent.id);
      await world.reaches(agent.id, 'running');
      await hasOneContainer(agent.id);
    },
    60_000,
  );

  it.each([0, 100, 300, 700])(
    'restarts an agent although the worker was killed %i ms after the command',
    async (delayMs) => {
      const agent = await worker.running();
      const before = await hasOneContainer(agent.id);
      await worker.replaceAfter(delayMs, () => world.agents.restart(world.org.caller, agent.id));
      const settled = await world.agents.settle(world.org.caller, agent.id, { timeoutMs: 15_000, signal });
      expect(settled.status).toBe('running');
      expect(await hasOneContainer(agent.id)).not.toBe(before);
    },
    60_000,
  );

  it.each([0, 100, 300])(
    'deletes an agent with volume and network although the worker was killed %i ms after the command',
    async (delayMs) => {
      const agent = await worker.running();
      await worker.replaceAfter(delayMs, () => world.agents.delete(world.org.caller, agent.id));
      await world.reaches(agent.id, 'gone');
      expect(await containers(agent.id)).toEqual([]);
      const filters = { label: [`dev.rookery.agent=${agent.id}`] };
      expect((await docker.listVolumes({ filters: JSON.stringify(filters) })).Volumes ?? []).toEqual([]);
      expect(await docker.listNetworks({ filters })).toEqual([]);
    },
    60_000,
  );
});
