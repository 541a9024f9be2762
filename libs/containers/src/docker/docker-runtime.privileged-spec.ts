import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import { newId } from '#libs/kernel';
import { describeIf, eventually, requireTool } from '#libs/testing';
import { containerRuntimeConformance } from '../conformance/container-runtime.conformance-spec.js';
import {
  AGENT_IMAGE,
  OTHER_AGENT_IMAGE,
  DockerTestHost,
  EDGE_IMAGE,
} from '../conformance/docker-host.conformance-spec.js';
import { hostileWorkspaceConformance } from '../conformance/hostile-workspace.conformance-spec.js';
import type { ContainerSpec } from '../container-runtime.js';
import { AgentNetworks } from './agent-networks.js';
import type { DockerRuntime } from './docker-runtime.js';
import { unless } from './engine-errors.js';
import { agentObject, lookName } from './naming.js';

const signal = new AbortController().signal;
jest.setTimeout(60_000);

function specOf(agentId: string, overrides: Partial<ContainerSpec> = {}): ContainerSpec {
  const limits = { memoryMb: 128, cpus: 1, pidsLimit: 64, stopTimeoutMs: 5_000 };
  const env = { ROOKERY_AGENT_ID: agentId };
  return {
    agentId,
    orgId: 'o',
    epoch: 1,
    runtime: 'house',
    image: AGENT_IMAGE,
    env,
    files: [],
    ...limits,
    ...overrides,
  };
}

describeIf(requireTool('docker'), 'DockerRuntime', () => {
  containerRuntimeConformance(async () => {
    const host = await DockerTestHost.open();
    const runtime = await host.worker();
    const workspace = (path: string): string => `/workspace/${path}`;
    return {
      worker: () => host.worker(),
      base: { runtime: 'house', image: AGENT_IMAGE, env: {} },
      // nobody listens there, so that no registry is waited for
      images: { other: OTHER_AGENT_IMAGE, absent: 'localhost:1/rookery-test/agent:absent' },
      print: (agentId, text) => host.ask(runtime, agentId, '/print', { text }),
      exit: async (agentId, code) => {
        await host.ask(runtime, agentId, '/exit', { code: String(code) });
      },
      read: async (agentId, path) => {
        const answer = await host.ask<{ value?: string }>(runtime, agentId, '/read', { path: workspace(path) });
        return answer.value ?? null;
      },
      write: (agentId, path, content) => host.ask(runtime, agentId, '/write', { path: workspace(path), content }),
      instances: async (agentId) => (await host.containers(agentId)).length,
      close: () => host.close(),
    };
  });
});

describeIf(requireTool('docker'), 'DockerRuntime and a hostile workspace', () => {
  hostileWorkspaceConformance(async () => {
    const host = await DockerTestHost.open();
    const runtime = await host.worker();
    return {
      runtime,
      image: AGENT_IMAGE,
      ask: (agentId, path, values) => host.ask(runtime, agentId, path, values),
      at: (_, path) => `/workspace/${path}`,
      close: () => host.close(),
    };
  });
});

describeIf(requireTool('docker'), 'DockerRuntime on its engine', () => {
  let host: DockerTestHost;
  let runtime: DockerRuntime;
  const used: string[] = [];

  beforeAll(async () => {
    host = await DockerTestHost.open();
    runtime = await host.worker();
  }, 240_000);

  afterEach(async () => {
    for (const agentId of used.splice(0)) await runtime.remove(agentId, { wipe: true }, signal);
  }, 60_000);

  afterAll(() => host.close(), 60_000);

  const start = async (overrides: Partial<ContainerSpec> = {}, agentId = newId()): Promise<string> => {
    used.push(agentId);
    await runtime.ensure(specOf(agentId, overrides), signal);
    await runtime.start(agentId, signal);
    await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200);
    return agentId;
  };
  const reach = async (agentId: string, address: string, port: number): Promise<string> =>
    (await host.ask<{ outcome: string }>(runtime, agentId, '/reach', { host: address, port: String(port) })).outcome;
  const resolve = (agentId: string, name: string): Promise<{ address?: string; code?: string }> =>
    host.ask(runtime, agentId, '/resolve', { name });

  describe('an agent`s network', () => {
    let service: Server;
    let port: number;

    beforeAll(async () => {
      service = createServer((_, response) => response.end('a service of the host'));
      await new Promise<void>((done) => service.listen(0, '0.0.0.0', done));
      ({ port } = service.address() as AddressInfo);
    });

    afterAll(() => void service.close());

    it('leads to the doors of the edge', async () => {
      const agentId = await start();
      expect(await reach(agentId, 'edge', host.config.edge.agentPort)).toBe('open');
      const url = `${runtime.agentDoorUrl}/`;
      expect(await host.ask(runtime, agentId, '/get', { url })).toEqual({ body: 'hello from the door' });
    });

    it('leads to no service of the host, on none of its addresses', async () => {
      const agentId = await start();
      const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
      const [bridge] = (await host.edgeNetwork()).IPAM?.Config ?? [];
      const gateway = ((await runtime.inspect(agentId)).endpoint ?? '').replace(
        /\d+:\d+$/,
        (end) => `${Number(end.split(':')[0]) - 2}`,
      );
      const addresses = [
        gateway,
        bridge?.Gateway ?? '',
        ...own.filter(({ internal }) => !internal).map(({ address }) => address),
      ];
      expect(await (await fetch(`http://${bridge?.Gateway}:${port}`)).text()).toBe('a service of the host');
      const outcomes = await Promise.all(
        addresses.map(async (address) => [address, await reach(agentId, address, port)]),
      );
      expect(outcomes.filter(([, outcome]) => outcome === 'open')).toEqual([]);
      expect(await reach(agentId, 'host.docker.internal', port)).not.toBe('open');
    });

    it('leads to no other agent, and not out', async () => {
      const [one, other] = [await start(), await start()];
      const [address = '', gatewayPort = ''] = ((await runtime.inspect(other)).endpoint ?? '').split(':');
      expect(await reach(other, address, Number(gatewayPort))).toBe('open');
      expect(await reach(one, address, Number(gatewayPort))).not.toBe('open');
      expect(await reach(one, '1.1.1.1', 443)).not.toBe('open');
      expect(await reach(one, '192.168.0.1', 80)).not.toBe('open');
    });

    it('resolves the edge, and no name of the world or of another agent', async () => {
      const [one, other] = [await start(), await start()];
      expect((await resolve(one, 'edge')).address).toMatch(/^10\.214\./);
      for (const name of ['example.com', 'example.net', agentObject(other), host.config.edge.container]) {
        const answer = await resolve(one, name);
        // the edge's container name is known in the network it shares with the agent, and leads to the edge only
        if (name === host.config.edge.container) expect(answer.address ?? '10.214.').toMatch(/^10\.214\./);
        else expect(answer.code).toMatch(/ENOTFOUND|EAI_AGAIN/);
      }
    });

    it('has no IPv6 and no other member than the edge', async () => {
      const agentId = await start();
      const { interfaces } = await host.ask<{ interfaces: Record<string, { family: string; internal: boolean }[]> }>(
        runtime,
        agentId,
        '/limits',
      );
      const outward = Object.values(interfaces)
        .flat()
        .filter(({ internal }) => !internal);
      expect(outward.map(({ family }) => family)).toEqual(['IPv4']);
      const network = await host.docker.getNetwork(agentObject(agentId)).inspect();
      const members = Object.values(network.Containers as Record<string, { Name: string }>).map(({ Name }) => Name);
      expect(members.sort()).toEqual([agentObject(agentId), host.config.edge.container].sort());
      expect(network).toMatchObject({ Internal: true, IPAM: { Config: [{ Subnet: expect.stringMatching(/\/29$/) }] } });
    });
  });

  it('gives the agent no right, no writable root and no port of the host', async () => {
    const agentId = await start();
    const { status } = await host.ask<{ status: string }>(runtime, agentId, '/limits');
    expect(status).toMatch(/^CapEff:\t0{16}$/m);
    expect(status).toMatch(/^CapBnd:\t0{16}$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    const write = (path: string): Promise<unknown> => host.ask(runtime, agentId, '/write', { path });
    expect(await write('/app/main.mjs')).toEqual({ ok: false, code: 'EROFS' });
    expect(await write('/tmp/note')).toEqual({ ok: true });
    expect(await host.ask(runtime, agentId, '/read', { path: '/var/run/docker.sock' })).toMatchObject({
      code: 'ENOENT',
    });
    const { NetworkSettings, HostConfig } = await host.docker.getContainer(agentObject(agentId)).inspect();
    expect(
      Object.values(NetworkSettings.Ports ?? {})
        .flat()
        .filter(Boolean),
    ).toEqual([]);
    expect(HostConfig).toMatchObject({ Memory: 128 * 1024 * 1024, NanoCpus: 1e9, PidsLimit: 64, Privileged: false });
  });

  it('tells when an agent used up its memory', async () => {
    const agentId = await start();
    await host.ask(runtime, agentId, '/eat');
    await eventually(async () => (await runtime.inspect(agentId)).status === 'exited');
    expect(await runtime.inspect(agentId)).toMatchObject({ oomKilled: true, exitCode: 137 });
  });

  it('kills an agent that will not end', async () => {
    const agentId = newId();
    await start({ env: { ROOKERY_AGENT_ID: agentId, STUBBORN: '1' } }, agentId);
    expect(await runtime.stop(agentId, 1_000, signal)).toMatchObject({ status: 'exited', exitCode: 137 });
  });

  it('writes over links the agent left, never through them', async () => {
    const agentId = await start();
    await host.ask(runtime, agentId, '/link', { to: '/tmp', path: '/workspace/skills' });
    await host.ask(runtime, agentId, '/link', { to: '/app/main.mjs', path: '/workspace/SOUL.md' });
    const files = [
      { path: 'skills/new.md', content: 'in the workspace' },
      { path: 'SOUL.md', content: 'kind' },
    ];
    await start({ epoch: 2, files }, agentId);
    const read = (path: string): Promise<unknown> => host.ask(runtime, agentId, '/read', { path });
    expect(await read('/workspace/skills/new.md')).toEqual({ ok: true, value: 'in the workspace' });
    expect(await read('/workspace/SOUL.md')).toEqual({ ok: true, value: 'kind' });
    expect(await read('/tmp/new.md')).toMatchObject({ ok: false });
  });

  it('wipes a workspace that containers of a killed worker still have', async () => {
    const agentId = await start();
    const left = await host.docker.createContainer({
      Image: AGENT_IMAGE,
      Labels: { 'dev.rookery.host': host.config.host.id },
      HostConfig: { Mounts: [{ Type: 'volume', Source: `rookery-agent-${agentId}`, Target: '/workspace' }] },
    });
    await runtime.remove(agentId, { wipe: true }, signal);
    await expect(left.inspect()).rejects.toMatchObject({ statusCode: 404 });
    expect((await runtime.list()).map((state) => state.agentId)).not.toContain(agentId);
  });

  it('looks into an image although a killed worker left the container it did so with, and leaves none', async () => {
    const name = lookName(host.config.host.id);
    const left = await host.docker.createContainer({ name, Image: AGENT_IMAGE });
    const [one, other] = await Promise.all([
      runtime.programs(['node'], signal),
      runtime.programs(['node', 'no'], signal),
    ]);
    expect([Object.keys(one), Object.keys(other)]).toEqual([['node'], ['node']]);
    await expect(left.inspect()).rejects.toMatchObject({ statusCode: 404 });
    expect(await host.docker.listContainers({ all: true, filters: { name: [`^/${name}$`] } })).toEqual([]);
  });

  it('says that an image is not to be had', async () => {
    const spec = specOf(newId(), { image: 'rookery-test/no-such-image:none' });
    await expect(runtime.ensure(spec, signal)).rejects.toMatchObject({ code: 'image_pull' });
  });

  it('gives parallel agents a subnet each, finds them again, and says when the pool is used up', async () => {
    const small = new AgentNetworks(host.docker, host.config.host.id, '10.215.0.0/26');
    const again = new AgentNetworks(host.docker, host.config.host.id, '10.215.0.0/26');
    const ids = Array.from({ length: 8 }, () => newId());
    try {
      const made = await Promise.all(ids.flatMap((id) => [small.ensure(id), again.ensure(id)]));
      expect(new Set(made.map(({ subnet }) => subnet.cidr)).size).toBe(8);
      expect(await Promise.all(ids.map((id) => again.ensure(id)))).toEqual(made.filter((_, index) => index % 2 === 0));
      await expect(small.ensure(newId())).rejects.toMatchObject({ code: 'no_capacity' });
      await small.remove(ids[0] ?? '');
      const later = newId();
      ids.push(later);
      expect((await small.ensure(later)).subnet).toEqual(made[0]?.subnet);
    } finally {
      for (const id of ids) await small.remove(id);
    }
  });

  describe('the edge', () => {
    const edge = () => host.docker.getContainer(host.config.edge.container);
    const edgeOptions = async () => {
      const { Config, HostConfig } = await edge().inspect();
      const { Image, Cmd, Env, Labels, User, WorkingDir, ExposedPorts } = Config;
      const options = { Image, Cmd, Env, Labels, User, WorkingDir, ExposedPorts: ExposedPorts ?? {}, HostConfig };
      return { ...options, name: host.config.edge.container };
    };
    const about = async (): Promise<{ uid: number; databaseUrl: string; socketFolder: string[] | null }> =>
      (await (await fetch(`${host.config.edge.url}/healthz`)).json()) as Awaited<ReturnType<typeof about>>;

    it('gets its secrets as files, unseen by an inspection, and loopback addresses as a container can use them', async () => {
      const { databaseUrl, uid } = await about();
      expect(databaseUrl).toBe('postgres://rookery:canary-password@host.docker.internal:5432/rookery');
      expect(uid).toBe(1000);
      const seen = JSON.stringify(await host.docker.getContainer(host.config.edge.container).inspect());
      for (const secret of ['canary-password', host.config.security.jwtSecret, host.config.security.masterKey]) {
        expect(seen).not.toContain(secret);
      }
    });

    it('is published on loopback only', async () => {
      const { NetworkSettings } = await host.docker.getContainer(host.config.edge.container).inspect();
      const ports = Object.values(NetworkSettings.Ports).flat().filter(Boolean);
      expect(ports).toEqual([{ HostIp: '127.0.0.1', HostPort: String(host.config.edge.relayPort) }]);
    });

    it('stays the same container for a worker that starts again', async () => {
      const before = await host.docker.getContainer(host.config.edge.container).inspect();
      await host.worker();
      expect((await host.docker.getContainer(host.config.edge.container).inspect()).Id).toBe(before.Id);
    });

    it('reaches running agents again after it was replaced', async () => {
      const agentId = await start();
      host.retire();
      await host.docker.getContainer(host.config.edge.container).remove({ force: true });
      expect(await runtime.probe(agentId, '/healthz', signal)).toBeNull();
      await host.worker();
      await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200);
    });

    it('reaches running agents again when somebody else replaces it', async () => {
      const agentId = await start();
      await host.worker({ runsEdge: false });
      const options = await edgeOptions();
      await edge().remove({ force: true });
      await (await host.docker.createContainer(options)).start();
      await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200);
    });

    const ends: [string, () => Promise<unknown>][] = [
      ['was removed', () => edge().remove({ force: true })],
      ['was killed with docker kill', () => edge().kill({ signal: 'SIGKILL' })],
      ['was stopped', () => edge().stop()],
      [
        'was made and never started',
        async () => {
          const options = await edgeOptions();
          await edge().remove({ force: true });
          // its worker may be faster
          await unless([409], host.docker.createContainer(options));
        },
      ],
    ];
    it.each(ends)('runs and reaches its agents again within 15 s when it %s', async (_, end) => {
      const agentId = await start();
      await host.worker();
      await end();
      await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200, { timeoutMs: 15_000 });
      expect((await about()).databaseUrl).toContain('canary-password');
    });

    it('is made again by a worker that could not make it at first', async () => {
      const name = { repo: 'rookery-test/edge', tag: host.config.host.id };
      const image = `${name.repo}:${name.tag}`;
      await host.docker.getImage(EDGE_IMAGE).tag(name);
      const other = await DockerTestHost.open({ edgeImage: image });
      try {
        await other.worker();
        await host.docker.getImage(image).remove();
        await other.docker.getContainer(other.config.edge.container).remove({ force: true });
        await sleep(3_000);
        await expect(fetch(`${other.config.edge.url}/healthz`)).rejects.toThrow();
        await host.docker.getImage(EDGE_IMAGE).tag(name);
        await eventually(async () => (await fetch(`${other.config.edge.url}/healthz`)).ok, { timeoutMs: 40_000 });
      } finally {
        await other.close();
        await host.docker.getImage(image).remove();
      }
    });

    it('is not taken over from another host', async () => {
      const stranger = await DockerTestHost.open();
      try {
        const config = { ...stranger.config, edge: { ...stranger.config.edge, container: host.config.edge.container } };
        Object.assign(stranger, { config });
        await expect(stranger.worker()).rejects.toMatchObject({ code: 'config' });
      } finally {
        await stranger.close();
      }
    });

    describeIf(requireTool('root'), 'with Postgres on a Unix socket', () => {
      it('runs as the user who may open it', async () => {
        const folder = mkdtempSync(join(tmpdir(), 'rookery-socket-'));
        writeFileSync(join(folder, '.s.PGSQL.5432'), '');
        chownSync(folder, 4321, 4321);
        chmodSync(folder, 0o700);
        const databaseUrl = `postgres://rookery:x@localhost/rookery?host=${encodeURIComponent(folder)}`;
        const other = await DockerTestHost.open({ databaseUrl });
        try {
          await other.worker();
          const answer = await (await fetch(`${other.config.edge.url}/healthz`)).json();
          expect(answer).toMatchObject({ uid: 4321, socketFolder: ['.s.PGSQL.5432'], databaseUrl });
        } finally {
          await other.close();
          rmSync(folder, { recursive: true });
        }
      });
    });
  });
});
