import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { eventually } from '#libs/testing';
import type { WorkspaceEntry } from '../agent-workspaces.js';
import type { ContainerRuntime, ContainerSpec } from '../container-runtime.js';
import type { ConformanceHost } from './container-runtime.conformance-spec.js';

/** What the suite of a runtime lends to the one of its workspaces. */
export interface WorkspaceSuite {
  host(): ConformanceHost;
  runtime(): ContainerRuntime;
  /** A spec whose agent the suite removes. */
  specOf(overrides?: Partial<ContainerSpec>): ContainerSpec;
  running(overrides?: Partial<ContainerSpec>): Promise<ContainerSpec>;
}

const signal = new AbortController().signal;
const STOP_MS = 5_000;
const MEGABYTE = 1024 * 1024;

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const file = (path: string, content: string): { path: string; content: string } => ({ path, content });

/** What every runtime has to do with what agents write: read it, and bring it back. */
export function workspaceConformance({ host, runtime, specOf, running }: WorkspaceSuite): void {
  describe('what the agent wrote', () => {
    const options = { runtime: 'house', mostBytes: 64 * MEGABYTE, signal } as const;
    const readAll = async (spec: ContainerSpec, from = runtime()): Promise<Record<string, string>> => {
      const found: Record<string, string> = {};
      for await (const entry of from.workspaces.read(spec.agentId, { ...options, image: spec.image })) {
        const bytes = await buffer(entry.content!);
        if (entry.path === 'starts.txt') continue;
        found[entry.path] = bytes.length > 1000 ? digestOf(bytes) : bytes.toString();
      }
      return found;
    };
    const entries = async function* (files: Readonly<Record<string, string | Buffer>>): AsyncGenerator<WorkspaceEntry> {
      for (const [path, text] of Object.entries(files)) {
        const bytes = Buffer.from(text);
        const content = Readable.from([bytes], { objectMode: false });
        yield { path, sizeBytes: bytes.length, executable: false, content };
      }
    };
    const markOf = (spec: ContainerSpec): Promise<string | null> => runtime().workspaces.mark(spec.agentId, spec.image);
    const restored = async (files: Readonly<Record<string, string | Buffer>>, mark: string): Promise<ContainerSpec> => {
      const spec = specOf({ files: [file('SOUL.md', 'kind')] });
      await runtime().ensure(spec, signal);
      await runtime().workspaces.restore(spec.agentId, { runtime: 'house', files: entries(files), mark, signal });
      return spec;
    };

    it('is read while it runs, when it has ended, and when its instance is gone', async () => {
      const spec = await running({ files: [file('SOUL.md', 'kind'), file('rules/a.md', 'a')] });
      await host().write(spec.agentId, 'notes.md', 'remember äöü 🐦');
      await host().write(spec.agentId, 'empty.md', '');
      const expected = { 'notes.md': 'remember äöü 🐦', 'empty.md': '' };
      expect(await readAll(spec)).toEqual(expected);
      await runtime().stop(spec.agentId, STOP_MS, signal);
      expect(await readAll(spec)).toEqual(expected);
      await runtime().remove(spec.agentId, { wipe: false }, signal);
      expect(await readAll(spec, await host().worker())).toEqual(expected);
      await runtime().remove(spec.agentId, { wipe: true }, signal);
      expect(await readAll(spec)).toEqual({});
    });

    it('comes back into another workspace, byte for byte, before the agent starts', async () => {
      const large = Buffer.from(Array.from({ length: 3 * MEGABYTE + 7 }, (_, i) => (i * i) % 128));
      const files = { 'memory/peer/a.md': 'a', 'memory/peer/deep/er/b.md': 'b', 'large.bin': large, 'z.md': '' };
      const spec = await restored(files, 'copy-1');
      expect(await readAll(spec)).toEqual({ ...files, 'large.bin': digestOf(large) });
      await runtime().start(spec.agentId, signal);
      await eventually(async () => (await runtime().probe(spec.agentId, '/readyz', signal)) === 200);
      expect(await host().read(spec.agentId, 'memory/peer/a.md')).toBe('a');
      expect(await host().read(spec.agentId, 'SOUL.md')).toBe('kind');
      await host().write(spec.agentId, 'memory/peer/a.md', 'changed');
      expect((await readAll(spec))['memory/peer/a.md']).toBe('changed');
    });

    it('is marked when it came back, as long as the workspace stays', async () => {
      const spec = await restored({ 'a.md': 'a' }, 'copy-1');
      expect(await markOf(spec)).toBe('copy-1');
      await runtime().remove(spec.agentId, { wipe: false }, signal);
      expect(await markOf(spec)).toBe('copy-1');
      await runtime().ensure({ ...spec, epoch: 2 }, signal);
      expect(await (await host().worker()).workspaces.mark(spec.agentId, spec.image)).toBe('copy-1');
      await runtime().remove(spec.agentId, { wipe: true }, signal);
      expect(await markOf(spec)).toBeNull();
      await runtime().ensure({ ...spec, epoch: 3 }, signal);
      expect(await markOf(spec)).toBeNull();
    });

    it('is marked with its making where nothing comes back, also when a worker died meanwhile', async () => {
      const spec = specOf({ files: [file('SOUL.md', 'kind')] });
      expect((await runtime().ensure(spec, signal, 'copy-1')).status).toBe('created');
      expect(await markOf(spec)).toBe('copy-1');
      await (await host().worker()).ensure(spec, signal, 'copy-2');
      expect(await markOf(spec)).toBe('copy-2');
      await runtime().start(spec.agentId, signal);
      expect((await runtime().ensure(spec, signal, 'copy-3')).status).toBe('running');
      expect(await markOf(spec)).toBe('copy-2');
      await eventually(async () => (await runtime().probe(spec.agentId, '/readyz', signal)) === 200);
      expect(await host().read(spec.agentId, 'SOUL.md')).toBe('kind');
    });

    it('leaves no mark when it came back only in part', async () => {
      const spec = specOf();
      await runtime().ensure(spec, signal);
      async function* broken(): AsyncGenerator<WorkspaceEntry> {
        yield* entries({ 'a.md': 'a' });
        throw new Error('the storage broke');
      }
      const restore = { runtime: 'house', mark: 'copy-1', signal } as const;
      const failing = runtime().workspaces.restore(spec.agentId, { ...restore, files: broken() });
      await expect(failing).rejects.toThrow('the storage broke');
      expect(await markOf(spec)).toBeNull();
      await runtime().workspaces.restore(spec.agentId, { ...restore, files: entries({ 'a.md': 'whole' }) });
      expect(await readAll(spec)).toEqual({ 'a.md': 'whole' });
    });

    it('never comes back to where the control plane writes, or outside', async () => {
      const bad = {
        '../out.md': 'x',
        '/out.md': 'x',
        'a/../../b': 'x',
        'SOUL.md': 'evil',
        'rules/b.md': 'x',
        '.rookery/copy': 'x',
      };
      const spec = await restored({ ...bad, 'good.md': 'good' }, 'copy-1');
      expect(await readAll(spec)).toEqual({ 'good.md': 'good' });
      expect(await markOf(spec)).toBe('copy-1');
      await runtime().start(spec.agentId, signal);
      await eventually(async () => (await runtime().probe(spec.agentId, '/readyz', signal)) === 200);
      expect(await host().read(spec.agentId, 'SOUL.md')).toBe('kind');
      expect(await host().read(spec.agentId, 'rules/b.md')).toBeNull();
    });

    it('is read no further than allowed', async () => {
      const spec = await restored({ 'a.bin': 'x'.repeat(600_000), 'b.bin': 'x'.repeat(600_000) }, 'copy-1');
      const reading = async (): Promise<void> => {
        const some = { ...options, mostBytes: MEGABYTE, image: spec.image };
        for await (const entry of runtime().workspaces.read(spec.agentId, some)) entry.content!.resume();
      };
      await expect(reading()).rejects.toMatchObject({ kind: 'payload_too_large', code: 'workspace_too_large' });
    });

    it('can be left unread, and its reading broken off', async () => {
      const spec = await restored({ 'a.bin': 'x'.repeat(600_000), 'b.md': 'b', 'c.md': 'c' }, 'copy-1');
      const seen: string[] = [];
      for await (const entry of runtime().workspaces.read(spec.agentId, { ...options, image: spec.image })) {
        seen.push(entry.path);
        if (entry.path === 'b.md') expect((await buffer(entry.content!)).toString()).toBe('b');
      }
      expect(seen).toEqual(['a.bin', 'b.md', 'c.md']);
      const stop = new AbortController();
      const broken = async (): Promise<void> => {
        const some = { ...options, signal: stop.signal, image: spec.image };
        for await (const entry of runtime().workspaces.read(spec.agentId, some)) {
          entry.content!.destroy();
          stop.abort();
        }
      };
      await expect(broken()).rejects.toThrow();
      expect(Object.keys(await readAll(spec))).toEqual(['a.bin', 'b.md', 'c.md']);
    });
  });

  describe('a folder that the control plane places', () => {
    const place = (spec: ContainerSpec, folder: string, files: Record<string, string>): Promise<void> =>
      runtime().workspaces.place(spec.agentId, {
        image: spec.image,
        folder,
        files: Object.entries(files).map(([path, content]) => file(path, content)),
        signal,
      });
    const read = (spec: ContainerSpec, path: string): Promise<string | null> => host().read(spec.agentId, path);
    const next = async (spec: ContainerSpec, files: ContainerSpec['files']): Promise<void> => {
      await runtime().ensure({ ...spec, epoch: spec.epoch + 1, files }, signal);
      await runtime().start(spec.agentId, signal);
      await eventually(async () => (await runtime().probe(spec.agentId, '/readyz', signal)) === 200);
    };

    it('is there at once, is replaced as a whole, and goes, while the agent runs', async () => {
      const spec = await running({ files: [file('SOUL.md', 'kind'), file('skills/other/SKILL.md', 'other')] });
      await place(spec, 'skills/tone', { 'SKILL.md': 'tone äöü 🐦', 'references/deep/a.md': 'a' });
      expect(await read(spec, 'skills/tone/SKILL.md')).toBe('tone äöü 🐦');
      expect(await read(spec, 'skills/tone/references/deep/a.md')).toBe('a');
      await place(spec, 'skills/tone', { 'SKILL.md': 'second' });
      expect(await read(spec, 'skills/tone/SKILL.md')).toBe('second');
      expect(await read(spec, 'skills/tone/references/deep/a.md')).toBeNull();
      await place(spec, 'skills/tone', {});
      await place(spec, 'skills/tone', {});
      expect(await read(spec, 'skills/tone/SKILL.md')).toBeNull();
      expect(await read(spec, 'skills/other/SKILL.md')).toBe('other');
      expect(await read(spec, 'SOUL.md')).toBe('kind');
    });

    it('stays with the next instance whose spec has it, and goes with one that has not', async () => {
      const spec = await running({ files: [file('SOUL.md', 'kind')] });
      await place(spec, 'skills/tone', { 'SKILL.md': 'tone', 'a.md': 'a' });
      await next(spec, [file('SOUL.md', 'kind'), file('skills/tone/SKILL.md', 'tone')]);
      expect(await read(spec, 'skills/tone/SKILL.md')).toBe('tone');
      expect(await read(spec, 'skills/tone/a.md')).toBeNull();
      await next({ ...spec, epoch: 2 }, []);
      expect(await read(spec, 'skills/tone/SKILL.md')).toBeNull();
      expect(await read(spec, 'SOUL.md')).toBeNull();
    });

    it('goes from a workspace whose agent does not run, or has no instance', async () => {
      const spec = await running();
      await place(spec, 'skills/one', { 'SKILL.md': '1' });
      await place(spec, 'skills/two', { 'SKILL.md': '2' });
      await runtime().stop(spec.agentId, STOP_MS, signal);
      await place(spec, 'skills/one', {});
      await runtime().remove(spec.agentId, { wipe: false }, signal);
      await place(spec, 'skills/two', {});
      await place(spec, 'skills/three', { 'SKILL.md': '3' });
      await next(spec, [file('skills/three/SKILL.md', '3')]);
      expect(await read(spec, 'skills/one/SKILL.md')).toBeNull();
      expect(await read(spec, 'skills/two/SKILL.md')).toBeNull();
      expect(await read(spec, 'skills/three/SKILL.md')).toBe('3');
    });

    it('is placed nowhere without a workspace, and nowhere but in a folder of the control plane', async () => {
      const spec = specOf();
      await place(spec, 'skills/tone', { 'SKILL.md': 'tone' });
      expect((await runtime().list()).map(({ agentId }) => agentId)).not.toContain(spec.agentId);
      for (const folder of ['skills', 'memory/x', '.rookery/x', '../x', 'skills/../x', '/skills/x', 'SOUL.md']) {
        await expect(place(spec, folder, { 'a.md': 'a' })).rejects.toMatchObject({ code: 'config' });
      }
      await expect(place(spec, 'skills/x', { '../a.md': 'a' })).rejects.toMatchObject({ code: 'config' });
    });

    it('is one of several, none of which is the agents own', async () => {
      const spec = await running();
      const names = ['a', 'b', 'c', 'd'];
      for (const name of names) await place(spec, `skills/${name}`, { 'SKILL.md': name });
      for (const name of names) expect(await read(spec, `skills/${name}/SKILL.md`)).toBe(name);
      expect(await readOwn(spec)).toEqual([]);
    });

    const readOwn = async (spec: ContainerSpec): Promise<string[]> => {
      const paths: string[] = [];
      const options = { runtime: 'house', image: spec.image, mostBytes: MEGABYTE, signal } as const;
      for await (const { path, content } of runtime().workspaces.read(spec.agentId, options)) {
        content?.resume();
        if (path !== 'starts.txt') paths.push(path);
      }
      return paths;
    };
  });

  describe('what is erased', () => {
    const erase = (spec: ContainerSpec, ...paths: string[]): Promise<void> =>
      runtime().workspaces.erase(spec.agentId, { image: spec.image, paths, signal });

    it('goes with all below it, files and folders, and nothing else does', async () => {
      const spec = await running({ files: [file('SOUL.md', 'kind')] });
      for (const path of ['memory/a/b.md', 'memory/c.md', 'memory.md', 'memory-2/d.md', 'MEMORY.md']) {
        await host().write(spec.agentId, path, path);
      }
      await runtime().stop(spec.agentId, STOP_MS, signal);
      await erase(spec, 'memory', 'MEMORY.md', 'never-there');
      await runtime().remove(spec.agentId, { wipe: false }, signal);
      await erase(spec, 'memory', 'memory-2');
      await running({ ...spec, epoch: spec.epoch + 1 });
      for (const path of ['memory/a/b.md', 'memory/c.md', 'memory-2/d.md', 'MEMORY.md']) {
        expect(await host().read(spec.agentId, path)).toBeNull();
      }
      expect(await host().read(spec.agentId, 'memory.md')).toBe('memory.md');
      expect(await host().read(spec.agentId, 'SOUL.md')).toBe('kind');
    });

    it('is nothing without a workspace, and never beyond it', async () => {
      const spec = specOf();
      await erase(spec, 'memory');
      expect((await runtime().list()).map(({ agentId }) => agentId)).not.toContain(spec.agentId);
      for (const path of ['', '..', '/etc', 'a/../../b', 'a//b']) {
        await expect(erase(spec, path)).rejects.toMatchObject({ code: 'config' });
      }
    });
  });
}
