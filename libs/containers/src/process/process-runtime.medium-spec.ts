import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '#libs/kernel';
import { describeIf, eventually, requireTool } from '#libs/testing';
import { containerRuntimeConformance } from '../conformance/container-runtime.conformance-spec.js';
import { hostileWorkspaceConformance } from '../conformance/hostile-workspace.conformance-spec.js';
import type { ContainerSpec } from '../container-runtime.js';
import { AgentFolder } from './agent-folder.js';
import { nonceArgument } from './agent-process.js';
import { findByArgument } from './process-table.js';
import { ProcessRuntime } from './process-runtime.js';

const program = { node: process.execPath, main: join(__dirname, '..', 'conformance', 'gateway.mjs') };
const signal = new AbortController().signal;

interface About {
  readonly pid: number;
  readonly uid: number;
  readonly starts: number;
  readonly env: Record<string, string>;
}

function openDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'rookery-process-'));
  chmodSync(dataDir, 0o755);
  return dataDir;
}

/** A folder with a built agent of its own. */
function otherProgram(dataDir: string): string {
  const folder = join(dataDir, 'other-program');
  mkdirSync(folder, { mode: 0o755 });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  copyFileSync(program.main, join(folder, 'main.js'));
  return folder;
}

async function worker(dataDir: string): Promise<ProcessRuntime> {
  const runtime = new ProcessRuntime({ dataDir, agentDoorUrl: 'http://127.0.0.1:4101', program });
  await runtime.prepare();
  return runtime;
}

async function ask<T>(runtime: ProcessRuntime, agentId: string, path: string): Promise<T> {
  const { endpoint } = await runtime.inspect(agentId);
  return (await (await fetch(`http://${endpoint}${path}`)).json()) as T;
}

const query = (path: string, values: Record<string, string>): string => `${path}?${new URLSearchParams(values)}`;

/** Processes with the nonce of any start this agent ever had; the folder's files name only the last. */
async function processes(dataDir: string, agentId: string): Promise<number> {
  const folder = join(dataDir, 'agents', agentId, 'workspace');
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandOf(pid).includes(`--allow-fs-write=${folder}`)).length;
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

describe('ProcessRuntime', () => {
  containerRuntimeConformance(async () => {
    const dataDir = openDataDir();
    const made: ProcessRuntime[] = [await worker(dataDir)];
    const at = (agentId: string, path: string): string => join(dataDir, 'agents', agentId, 'workspace', path);
    const first = made[0] as ProcessRuntime;
    return {
      worker: async () => {
        made.push(await worker(dataDir));
        return made.at(-1) as ProcessRuntime;
      },
      base: { runtime: 'house', image: 'none', env: {} },
      images: { other: otherProgram(dataDir), absent: join(dataDir, 'no-program') },
      print: (agentId, text) => ask(first, agentId, query('/print', { text })),
      exit: async (agentId, code) => void (await ask(first, agentId, `/exit?code=${code}`).catch(() => undefined)),
      read: async (agentId, path) => {
        const answer = await ask<{ value?: string }>(first, agentId, query('/read', { path: at(agentId, path) }));
        return answer.value ?? null;
      },
      write: (agentId, path, content) => ask(first, agentId, query('/write', { path: at(agentId, path), content })),
      instances: (agentId) => processes(dataDir, agentId),
      close: async () => {
        for (const runtime of made) runtime.onModuleDestroy();
        rmSync(dataDir, { recursive: true });
      },
    };
  });
});

describe('ProcessRuntime and a hostile workspace', () => {
  hostileWorkspaceConformance(async () => {
    const dataDir = openDataDir();
    const runtime = await worker(dataDir);
    return {
      runtime,
      image: '',
      ask: (agentId, path, values) => ask(runtime, agentId, query(path, values)),
      at: (agentId, path) => join(dataDir, 'agents', agentId, 'workspace', path),
      close: async () => {
        runtime.onModuleDestroy();
        rmSync(dataDir, { recursive: true });
      },
    };
  });
});

describe('ProcessRuntime on its host', () => {
  let dataDir: string;
  let runtime: ProcessRuntime;
  let agentId: string;
  let spec: ContainerSpec;

  beforeEach(async () => {
    dataDir = openDataDir();
    runtime = await worker(dataDir);
    agentId = newId();
    const limits = { memoryMb: 128, cpus: 1, pidsLimit: 64, stopTimeoutMs: 5_000 };
    const env = { ROOKERY_AGENT_ID: agentId };
    spec = { agentId, orgId: 'o', epoch: 1, runtime: 'house', image: '', env, files: [], ...limits };
  });

  afterEach(async () => {
    await runtime.remove(agentId, { wipe: true }, signal);
    runtime.onModuleDestroy();
    rmSync(dataDir, { recursive: true });
  });

  const start = async (overrides: Partial<ContainerSpec> = {}): Promise<void> => {
    await runtime.ensure({ ...spec, ...overrides }, signal);
    await runtime.start(agentId, signal);
    await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200);
  };

  it('gives the agent nothing of the worker`s environment', async () => {
    process.env['ROOKERY_CANARY'] = 'must-not-leak';
    await start();
    delete process.env['ROOKERY_CANARY'];
    const { env } = await ask<About>(runtime, agentId, '/about');
    expect(env['ROOKERY_CANARY']).toBeUndefined();
    expect(
      Object.keys(env)
        .filter((name) => name.startsWith('ROOKERY_'))
        .sort(),
    ).toEqual(['ROOKERY_AGENT_ID', 'ROOKERY_BIND', 'ROOKERY_INSTANCE_NONCE', 'ROOKERY_PORT', 'ROOKERY_WORKSPACE']);
    expect(env['MALLOC_ARENA_MAX']).toBe('1');
  });

  it('lets the agent read and write nothing but its workspace', async () => {
    writeFileSync(join(dataDir, 'plain.txt'), 'secret', { mode: 0o644 });
    await start();
    const read = (path: string): Promise<unknown> => ask(runtime, agentId, query('/read', { path }));
    const write = (path: string): Promise<unknown> => ask(runtime, agentId, query('/write', { path }));
    const denied = expect.objectContaining({ ok: false, code: 'ERR_ACCESS_DENIED' });
    expect(await read(join(dataDir, 'plain.txt'))).toEqual(denied);
    expect(await read('/etc/passwd')).toEqual(denied);
    expect(await read('/proc/self/environ')).toEqual(denied);
    expect(await write(join(dataDir, 'new.txt'))).toEqual(denied);
    expect(await write(join(tmpdir(), 'rookery-new.txt'))).toEqual(denied);
    expect(await write(join(dataDir, 'agents', agentId, 'workspace', 'new.txt'))).toEqual({ ok: true });
  });

  it('never follows a link the agent left in its workspace', async () => {
    await start();
    await runtime.stop(agentId, 5_000, signal);
    const outside = join(dataDir, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'old.md'), 'untouched');
    const workspace = join(dataDir, 'agents', agentId, 'workspace');
    symlinkSync(outside, join(workspace, 'skills'));
    symlinkSync(join(outside, 'old.md'), join(workspace, 'SOUL.md'));
    await start({
      epoch: 2,
      files: [
        { path: 'skills/new.md', content: 'in the workspace' },
        { path: 'SOUL.md', content: 'kind' },
      ],
    });
    expect(readdirSync(outside)).toEqual(['old.md']);
    expect(readFileSync(join(outside, 'old.md'), 'utf8')).toBe('untouched');
    expect(readFileSync(join(workspace, 'skills', 'new.md'), 'utf8')).toBe('in the workspace');
  });

  it('kills an agent that will not end', async () => {
    await start({ env: { ...spec.env, STUBBORN: '1' } });
    expect(await runtime.stop(agentId, 100, signal)).toMatchObject({ status: 'exited' });
    expect(await processes(dataDir, agentId)).toBe(0);
  });

  it('takes over a process whose worker died before writing down who it is', async () => {
    await start();
    const folder = new AgentFolder(join(dataDir, 'agents', agentId));
    const identity = folder.read('identity');
    folder.write('intent', { nonce: identity?.nonce ?? '' });
    folder.drop('identity');
    const later = await worker(dataDir);
    expect(await later.inspect(agentId)).toMatchObject({ status: 'running' });
    expect((await later.start(agentId, signal)).status).toBe('running');
    expect(folder.read('identity')?.pid).toBe(identity?.pid);
    expect(await processes(dataDir, agentId)).toBe(1);
    later.onModuleDestroy();
  });

  it('does not take a stranger with the same pid for the agent', async () => {
    await start();
    const folder = new AgentFolder(join(dataDir, 'agents', agentId));
    const identity = folder.read('identity');
    await runtime.stop(agentId, 5_000, signal);
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    if (identity === undefined || stranger.pid === undefined) throw new Error('nothing started');
    folder.write('identity', { ...identity, pid: stranger.pid });
    expect((await runtime.inspect(agentId)).status).toBe('exited');
    await runtime.remove(agentId, { wipe: true }, signal);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    stranger.kill('SIGKILL');
  });

  it('starts again after a worker that died while holding the start lock', async () => {
    await runtime.ensure(spec, signal);
    const lock = new AgentFolder(join(dataDir, 'agents', agentId)).lock;
    writeFileSync(lock, JSON.stringify({ pid: 999_999_999, startMark: 'long ago' }));
    expect((await runtime.start(agentId, signal)).status).toBe('running');
  });

  it('still has an instance that was not removed whole, so that the next worker removes the rest', async () => {
    await start();
    await runtime.stop(agentId, 5_000, signal);
    const identity = join(dataDir, 'agents', agentId, 'identity.json');
    rmSync(identity);
    mkdirSync(identity);
    await expect(runtime.remove(agentId, { wipe: false }, signal)).rejects.toThrow();
    expect((await runtime.inspect(agentId)).status).not.toBe('missing');
    rmSync(identity, { recursive: true });
    await runtime.remove(agentId, { wipe: false }, signal);
    expect((await runtime.inspect(agentId)).status).toBe('missing');
    expect(readdirSync(join(dataDir, 'agents', agentId)).filter((name) => /json$/.test(name))).toEqual(['files.json']);
  });

  it('forgets that a workspace came back when somebody deletes it', async () => {
    async function* nothing(): AsyncGenerator<never> {}
    await runtime.ensure(spec, signal);
    await runtime.workspaces.restore(agentId, { runtime: 'house', files: nothing(), mark: 'copy-1', signal });
    expect(await runtime.workspaces.mark(agentId)).toBe('copy-1');
    rmSync(new AgentFolder(join(dataDir, 'agents', agentId)).workspace, { recursive: true });
    await runtime.ensure(spec, signal);
    expect(await runtime.workspaces.mark(agentId)).toBeNull();
  });

  it('moves to another port when a stranger listens on the kept one', async () => {
    await start();
    const before = (await runtime.inspect(agentId)).endpoint ?? '';
    await runtime.stop(agentId, 5_000, signal);
    const stranger = createServer().listen(Number(before.split(':')[1]), '127.0.0.1');
    await runtime.start(agentId, signal);
    await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200);
    expect((await runtime.inspect(agentId)).endpoint).not.toBe(before);
    stranger.close();
  });

  it('outlives its worker and is adopted after a kill -9', async () => {
    const script = join(dataDir, 'worker.mjs');
    writeFileSync(
      script,
      `import { spawn } from 'node:child_process';
       const [node, main, workspace, argument, port] = process.argv.slice(2);
       const child = spawn(node, ['--permission', '--allow-fs-read=*', '--allow-fs-write=' + workspace, main, argument], {
         detached: true, stdio: 'ignore',
         env: { ROOKERY_BIND: '127.0.0.1', ROOKERY_PORT: port, ROOKERY_WORKSPACE: workspace, ROOKERY_INSTANCE_NONCE: 'n-' + port },
       });
       child.once('spawn', () => process.kill(process.pid, 'SIGKILL'));`,
    );
    await runtime.ensure(spec, signal);
    const folder = new AgentFolder(join(dataDir, 'agents', agentId));
    const port = String(folder.read('spec')?.port);
    folder.write('intent', { nonce: `n-${port}` });
    const args = [script, process.execPath, program.main, folder.workspace, nonceArgument(`n-${port}`), port];
    await new Promise((resolve) => spawn(process.execPath, args).once('exit', resolve));
    expect(await runtime.start(agentId, signal)).toMatchObject({ status: 'running' });
    expect(await findByArgument(nonceArgument(`n-${port}`))).toHaveLength(1);
    await eventually(async () => (await runtime.probe(agentId, '/healthz', signal)) === 200);
    await runtime.stop(agentId, 5_000, signal);
    expect(await findByArgument(nonceArgument(`n-${port}`))).toHaveLength(0);
  });

  it('refuses the runtime that needs containers', async () => {
    await expect(runtime.ensure({ ...spec, runtime: 'openclaw' }, signal)).rejects.toMatchObject({ code: 'config' });
  });

  describeIf(requireTool('root'), 'under root', () => {
    it('gives every agent a user of its own, the same one after each start', async () => {
      await start();
      const first = await ask<About>(runtime, agentId, '/about');
      await start({ epoch: 2 });
      const second = await ask<About>(runtime, agentId, '/about');
      const other = { ...spec, agentId: newId() };
      await runtime.ensure(other, signal);
      await runtime.start(other.agentId, signal);
      await eventually(async () => (await runtime.probe(other.agentId, '/healthz', signal)) === 200);
      const third = await ask<About>(runtime, other.agentId, '/about');
      await runtime.remove(other.agentId, { wipe: true }, signal);
      expect(first.uid).toBeGreaterThanOrEqual(40_000);
      expect(second).toMatchObject({ uid: first.uid, starts: 2 });
      expect(third.uid).not.toBe(first.uid);
    });

    it('copies the program when agents can`t read where it lies', async () => {
      const hidden = join(dataDir, 'hidden');
      mkdirSync(hidden, { mode: 0o700 });
      writeFileSync(join(hidden, 'main.mjs'), readFileSync(program.main));
      runtime.onModuleDestroy();
      runtime = new ProcessRuntime({
        dataDir,
        agentDoorUrl: '',
        program: { node: process.execPath, main: join(hidden, 'main.mjs') },
      });
      await runtime.prepare();
      await start();
      expect(readdirSync(join(dataDir, 'runtime'))).toHaveLength(1);
    });

    it('names a DATA_DIR that agents can`t enter', async () => {
      chmodSync(dataDir, 0o700);
      await expect(runtime.prepare()).rejects.toMatchObject({
        code: 'config',
        message: expect.stringContaining('DATA_DIR'),
      });
      chmodSync(dataDir, 0o755);
    });
  });
});
