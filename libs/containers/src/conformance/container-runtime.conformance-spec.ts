import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#libs/testing';
import { newId } from '#libs/kernel';
import type { ContainerLogLine, ContainerRuntime, ContainerSpec, WorkspaceFile } from '../container-runtime.js';
import { workspaceConformance } from './workspace.conformance-spec.js';

/** A host on which the suite may run agents, and the agent's side of things, which no runtime offers. */
export interface ConformanceHost {
  /** A runtime as a worker makes it at its start; each call plays another worker on the same host. */
  worker(): Promise<ContainerRuntime>;
  /** Runtime, image and environment the agents of this host need. */
  readonly base: Pick<ContainerSpec, 'runtime' | 'image' | 'env'>;
  /** Another image that does the same, and one that there is not. */
  readonly images: { readonly other: string; readonly absent: string };
  print(agentId: string, text: string): Promise<void>;
  exit(agentId: string, exitCode: number): Promise<void>;
  /** A file of a running agent's workspace; null when there is none. */
  read(agentId: string, path: string): Promise<string | null>;
  write(agentId: string, path: string, content: string): Promise<void>;
  /** How many containers or processes there are for the agent. */
  instances(agentId: string): Promise<number>;
  close(): Promise<void>;
}

const signal = new AbortController().signal;
const STOP_MS = 5_000;

/** What every {@link ContainerRuntime} has to do. */
export function containerRuntimeConformance(open: () => Promise<ConformanceHost>): void {
  let host: ConformanceHost;
  let runtime: ContainerRuntime;
  const used: string[] = [];

  beforeAll(async () => {
    host = await open();
    runtime = await host.worker();
  }, 240_000);

  afterEach(async () => {
    for (const agentId of used.splice(0)) await runtime.remove(agentId, { wipe: true }, signal);
  }, 60_000);

  afterAll(async () => {
    await host.close();
  }, 60_000);

  const specOf = (overrides: Partial<ContainerSpec> = {}): ContainerSpec => {
    const agentId = overrides.agentId ?? newId();
    used.push(agentId);
    const env = { ...host.base.env, ROOKERY_AGENT_ID: agentId, ...overrides.env };
    const limits = { memoryMb: 128, cpus: 1, pidsLimit: 64, stopTimeoutMs: STOP_MS };
    return { orgId: 'org-1', epoch: 1, files: [], ...limits, ...host.base, ...overrides, agentId, env };
  };

  const running = async (overrides: Partial<ContainerSpec> = {}): Promise<ContainerSpec> => {
    const spec = specOf(overrides);
    await runtime.ensure(spec, signal);
    await runtime.start(spec.agentId, signal);
    await eventually(async () => (await runtime.probe(spec.agentId, '/readyz', signal)) === 200);
    return spec;
  };

  const lines = async (agentId: string, options: { after?: number; tail?: number }): Promise<ContainerLogLine[]> => {
    const found: ContainerLogLine[] = [];
    for await (const line of runtime.logs(agentId, { ...options, signal })) found.push(line);
    return found;
  };

  const printed = async (agentId: string, ...texts: string[]): Promise<void> => {
    for (const text of texts) await host.print(agentId, text);
    await eventually(async () => (await lines(agentId, { tail: 1 }))[0]?.text.endsWith(texts.at(-1) ?? ''));
  };

  const file = (path: string, content: string): WorkspaceFile => ({ path, content });

  describe('the life of an instance', () => {
    it('goes from missing over created, running and exited back to missing', async () => {
      const spec = specOf();
      const { agentId } = spec;
      expect(await runtime.inspect(agentId)).toMatchObject({ status: 'missing', epoch: null, specHash: null });

      const created = await runtime.ensure(spec, signal);
      expect(created).toMatchObject({ agentId, status: 'created', epoch: 1, endpoint: null, startedAt: null });
      expect(created.specHash).toMatch(/^[0-9a-f]{64}$/);

      const started = await runtime.start(agentId, signal);
      expect(started).toMatchObject({ status: 'running', epoch: 1, specHash: created.specHash, exitCode: null });
      expect(started.endpoint).toMatch(/^[\d.]+:\d+$/);
      expect(Math.abs(Date.now() - (started.startedAt?.getTime() ?? 0))).toBeLessThan(60_000);
      await eventually(async () => (await runtime.probe(agentId, '/readyz', signal)) === 200);
      expect(await runtime.probe(agentId, '/healthz', signal)).toBe(200);

      expect(await runtime.stop(agentId, STOP_MS, signal)).toMatchObject({
        status: 'exited',
        exitCode: 0,
        endpoint: null,
      });
      expect(await runtime.probe(agentId, '/healthz', signal)).toBeNull();

      await runtime.remove(agentId, { wipe: false }, signal);
      expect(await runtime.inspect(agentId)).toMatchObject({ status: 'missing', epoch: null });
    });

    it('tells the exit code of an agent that ended by itself', async () => {
      const { agentId } = await running();
      await host.exit(agentId, 3);
      await eventually(async () => (await runtime.inspect(agentId)).exitCode === 3);
      expect(await runtime.inspect(agentId)).toMatchObject({ status: 'exited', oomKilled: false });
    });

    it('starts an exited instance again', async () => {
      const { agentId } = await running();
      await host.exit(agentId, 1);
      await eventually(async () => (await runtime.inspect(agentId)).status === 'exited');
      expect(await runtime.start(agentId, signal)).toMatchObject({ status: 'running', exitCode: null, epoch: 1 });
      await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200);
    });

    it('can be repeated step by step without another effect', async () => {
      const spec = await running();
      const before = await runtime.inspect(spec.agentId);
      expect(await runtime.ensure(spec, signal)).toEqual(before);
      expect(await runtime.start(spec.agentId, signal)).toEqual(before);
      await runtime.stop(spec.agentId, STOP_MS, signal);
      expect((await runtime.stop(spec.agentId, STOP_MS, signal)).status).toBe('exited');
      for (const wipe of [false, false, true, true]) await runtime.remove(spec.agentId, { wipe }, signal);
      expect((await runtime.stop(spec.agentId, STOP_MS, signal)).status).toBe('missing');
    });

    it('replaces a running instance by one of a later epoch or another spec', async () => {
      const spec = await running();
      const first = await runtime.inspect(spec.agentId);
      const later = await runtime.ensure({ ...spec, epoch: 2 }, signal);
      expect(later).toMatchObject({ status: 'created', epoch: 2, specHash: first.specHash });
      const other = await runtime.ensure({ ...spec, epoch: 2, env: { ...spec.env, EXTRA: '1' } }, signal);
      expect(other).toMatchObject({ status: 'created', epoch: 2 });
      expect(other.specHash).not.toBe(first.specHash);
      await runtime.start(spec.agentId, signal);
      expect(await host.instances(spec.agentId)).toBe(1);
    });

    it('lists what runs, what is stopped and what only has a workspace', async () => {
      const [runs, stopped, bare] = [await running(), specOf(), specOf()];
      await runtime.ensure(stopped, signal);
      await runtime.ensure(bare, signal);
      await runtime.remove(bare.agentId, { wipe: false }, signal);
      const found = new Map((await runtime.list()).map(({ agentId, status }) => [agentId, status]));
      expect(found.get(runs.agentId)).toBe('running');
      expect(found.get(stopped.agentId)).toBe('created');
      expect(found.get(bare.agentId)).toBe('missing');
      await runtime.remove(bare.agentId, { wipe: true }, signal);
      expect((await runtime.list()).map(({ agentId }) => agentId)).not.toContain(bare.agentId);
    });
  });

  describe('images', () => {
    it('tells what an instance runs, on the same workspace whichever image it is', async () => {
      const spec = await running({ files: [file('SOUL.md', 'kind')] });
      await host.write(spec.agentId, 'memory.md', 'remember');
      const { imageId: first } = await runtime.inspect(spec.agentId);
      await running({ ...spec, epoch: 2, image: host.images.other });
      const { imageId: second } = await runtime.inspect(spec.agentId);
      expect([typeof first, typeof second, first === second]).toEqual(['string', 'string', false]);
      expect(await host.read(spec.agentId, 'memory.md')).toBe('remember');
      await running({ ...spec, epoch: 3, imageId: first });
      expect((await runtime.inspect(spec.agentId)).imageId).toBe(first);
      expect(await host.read(spec.agentId, 'memory.md')).toBe('remember');
    });

    it('takes the image of the name where the host has none of the id', async () => {
      const spec = await running({
        imageId: 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
      });
      expect(await runtime.inspect(spec.agentId)).toMatchObject({ status: 'running' });
    });

    it('refuses an image that there is not, and leaves workspace and way back', async () => {
      const spec = await running();
      await host.write(spec.agentId, 'memory.md', 'remember');
      const absent = { ...spec, epoch: 2, image: host.images.absent };
      await expect(runtime.ensure(absent, signal)).rejects.toMatchObject({ code: 'image_pull' });
      await running({ ...spec, epoch: 3 });
      expect(await host.read(spec.agentId, 'memory.md')).toBe('remember');
      expect(await host.instances(spec.agentId)).toBe(1);
    });
  });

  describe('several workers and crashes', () => {
    it('is found, watched and stopped by a later worker', async () => {
      const { agentId } = await running();
      const before = await runtime.inspect(agentId);
      const later = await host.worker();
      expect(await later.inspect(agentId)).toEqual(before);
      expect(await later.probe(agentId, '/readyz', signal)).toBe(200);
      expect((await later.stop(agentId, STOP_MS, signal)).status).toBe('exited');
      expect(await host.instances(agentId)).toBe(0);
    });

    it('makes one instance however many ask at once', async () => {
      const spec = specOf();
      const workers = [runtime, await host.worker()];
      await Promise.all(Array.from({ length: 6 }, (_, i) => workers[i % 2]?.ensure(spec, signal)));
      await Promise.all(Array.from({ length: 6 }, (_, i) => workers[i % 2]?.start(spec.agentId, signal)));
      expect(await host.instances(spec.agentId)).toBe(1);
      await eventually(async () => (await runtime.probe(spec.agentId, '/healthz', signal)) === 200);
    });

    it('keeps agents apart', async () => {
      const specs = await Promise.all([running(), running(), running()]);
      const endpoints = await Promise.all(specs.map(async ({ agentId }) => (await runtime.inspect(agentId)).endpoint));
      expect(new Set(endpoints).size).toBe(3);
      await host.write(specs[0]?.agentId ?? '', 'note.txt', 'mine');
      expect(await host.read(specs[1]?.agentId ?? '', 'note.txt')).toBeNull();
    });
  });

  describe('the workspace', () => {
    it('holds the files of the spec, without those an earlier spec had', async () => {
      const first = await running({ files: [file('SOUL.md', 'kind'), file('skills/sum/SKILL.md', 'adds')] });
      expect(await host.read(first.agentId, 'SOUL.md')).toBe('kind');
      expect(await host.read(first.agentId, 'skills/sum/SKILL.md')).toBe('adds');
      await running({ ...first, epoch: 2, files: [file('SOUL.md', 'stern: äöü 🐦')] });
      expect(await host.read(first.agentId, 'SOUL.md')).toBe('stern: äöü 🐦');
      expect(await host.read(first.agentId, 'skills/sum/SKILL.md')).toBeNull();
    });

    it('keeps what the agent wrote until it is wiped', async () => {
      const spec = await running({ files: [file('SOUL.md', 'kind')] });
      await host.write(spec.agentId, 'memory.md', 'remember');
      await runtime.remove(spec.agentId, { wipe: false }, signal);
      await running({ ...spec, epoch: 2 });
      expect(await host.read(spec.agentId, 'memory.md')).toBe('remember');
      await runtime.remove(spec.agentId, { wipe: true }, signal);
      await running({ ...spec, epoch: 3 });
      expect(await host.read(spec.agentId, 'memory.md')).toBeNull();
    });

    it('outlives its connections, which are made anew', async () => {
      const spec = await running();
      await host.write(spec.agentId, 'memory.md', 'remember');
      await runtime.remove(spec.agentId, { wipe: false, connections: true }, signal);
      await runtime.remove(spec.agentId, { wipe: false, connections: true }, signal);
      expect(await runtime.inspect(spec.agentId)).toMatchObject({ status: 'missing' });
      await running({ ...spec, epoch: 2 });
      expect(await host.read(spec.agentId, 'memory.md')).toBe('remember');
    });

    it.each(['../out.md', '/etc/out.md', 'a/../../out.md', 'a//b', '', 'a\\b', 'a\nb'])(
      'refuses the path %j',
      async (path) => {
        await expect(runtime.ensure(specOf({ files: [file(path, 'x')] }), signal)).rejects.toMatchObject({
          code: 'config',
        });
      },
    );

    it('refuses an id that is not a plain name', async () => {
      const spec = { ...specOf(), agentId: '../other' };
      await expect(runtime.ensure(spec, signal)).rejects.toMatchObject({ code: 'config' });
    });
  });

  workspaceConformance({ host: () => host, runtime: () => runtime, specOf, running });

  describe('output', () => {
    it('gives the newest lines and goes on after a position without loss or repeat', async () => {
      const { agentId } = await running();
      await printed(agentId, 'one', 'two', 'three');
      const tail = await lines(agentId, { tail: 2 });
      expect(tail.map(({ text }) => text.split('] ')[1])).toEqual(['two', 'three']);
      expect(tail[0]?.text).toMatch(/^\d{4}-\d\d-\d\dT.*Z \[info\] two$/);
      const last = tail[1];
      await printed(agentId, 'four', 'five');
      const fresh = await lines(agentId, { after: last?.position ?? 0 });
      expect(fresh.map(({ text }) => text.split('] ')[1])).toEqual(['four', 'five']);
      expect(fresh[0]?.position).toBeGreaterThan(last?.position ?? Infinity);
      expect(await lines(agentId, { tail: 0 })).toEqual([]);
    });

    it('gives the same positions to a later worker', async () => {
      const { agentId } = await running();
      await printed(agentId, 'one', 'two');
      const before = await lines(agentId, { tail: 2 });
      runtime = await host.worker();
      expect(await lines(agentId, { tail: 2 })).toEqual(before);
      expect(await lines(agentId, { after: before[0]?.position ?? 0 })).toEqual(before.slice(1));
    });

    it('follows across a restart of the agent until the signal fires', async () => {
      const { agentId } = await running();
      const stop = new AbortController();
      const seen: ContainerLogLine[] = [];
      const following = (async () => {
        for await (const line of runtime.logs(agentId, { tail: 0, follow: true, signal: stop.signal })) seen.push(line);
      })();
      const has = (text: string): Promise<boolean> => eventually(() => seen.some((line) => line.text.endsWith(text)));
      // the reader may begin a little late: what is printed before belongs to the past
      await eventually(async () => {
        await host.print(agentId, 'begin');
        return has('begin');
      });
      await host.print(agentId, 'before');
      await has('before');
      await runtime.stop(agentId, STOP_MS, signal);
      await runtime.start(agentId, signal);
      await eventually(async () => (await runtime.probe(agentId, '/readyz', signal)) === 200);
      await host.print(agentId, 'after');
      await has('after');
      stop.abort();
      await following;
      const positions = seen.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
    });
  });

  describe('use of resources', () => {
    it('is measured while the agent runs, and only then', async () => {
      const { agentId } = await running();
      const stats = await runtime.stats(agentId);
      expect(stats?.memoryLimitBytes).toBe(128 * 1024 * 1024);
      expect(stats?.memoryBytes).toBeGreaterThan(1024 * 1024);
      expect(stats?.cpuPercent).toBeGreaterThanOrEqual(0);
      await runtime.stop(agentId, STOP_MS, signal);
      expect(await runtime.stats(agentId)).toBeNull();
      expect(await runtime.stats(newId())).toBeNull();
    });
  });

  it('tells which programs agents find', async () => {
    const found = await runtime.programs(['node', 'sh', 'nowhere-to-be-found'], signal);
    expect(Object.keys(found).length).toBeGreaterThan(0);
    expect(found).not.toHaveProperty('nowhere-to-be-found');
    for (const [name, path] of Object.entries(found)) expect(path).toMatch(new RegExp(`^/[a-z/]*/${name}$`));
  });

  it('does nothing once the signal has fired', async () => {
    const spec = specOf();
    await expect(runtime.ensure(spec, AbortSignal.abort())).rejects.toThrow();
    expect((await runtime.inspect(spec.agentId)).status).toBe('missing');
  });
}
