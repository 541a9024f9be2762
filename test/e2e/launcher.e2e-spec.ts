import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeIf, eventually, freePort, requireTool } from '#libs/testing';
import { AgentoClient, textOf, type WireAgent } from './client.js';
import {
  type LaunchAs,
  type RunningRookery,
  ended,
  eraseDataDir,
  launch,
  newDataDir,
  refusal,
  startRookery,
} from './rookery.js';

const SAYS_WHO_IT_IS = 'Hello from the launcher';

interface Processes {
  isAlive(pid: number): boolean;
  waitForExit(pid: number, timeoutMs: number): Promise<boolean>;
}

const processes = (): Promise<Processes> =>
  import(join(process.cwd(), 'scripts/lib/processes.mjs')) as Promise<Processes>;

const json = <T>(...path: string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T;
const agentPid = (dataDir: string, id: string): number =>
  json<{ pid: number }>(dataDir, 'agents', id, 'identity.json').pid;
const postgresPid = (dataDir: string): number =>
  Number(readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0]);
const programPids = (dataDir: string): number[] =>
  Object.values(json<Record<string, { pid: number }>>(dataDir, 'children.json')).map(({ pid }) => pid);

async function somebodyListens(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('npm start with something missing', () => {
  const dataDir = newDataDir();
  let server: Server;
  let taken: string;
  let nobody: string;

  const refused = (environment: Record<string, string>, as?: LaunchAs): Promise<string> =>
    refusal({ DATA_DIR: dataDir, PORT: nobody, ...environment }, as);

  beforeAll(async () => {
    server = await somebodyListens();
    taken = String((server.address() as AddressInfo).port);
    nobody = String(await freePort());
  });
  afterAll(async () => {
    server.close();
    await eraseDataDir(dataDir);
  });

  it.each(['PORT', 'EDGE_RELAY_PORT', 'EDGE_AGENT_PORT'])('names %s, which another program has', async (name) => {
    const said = await refused({ [name]: taken });
    expect(said).toBe(
      `rookery: ${name}: 127.0.0.1:${taken} is taken by another program; stop it, or set ${name} to another port\n`,
    );
  });

  it('names two variables that ask for one port, and uses neither later', async () => {
    const said = await refused({ EDGE_RELAY_PORT: nobody });
    expect(said).toBe(`rookery: EDGE_RELAY_PORT and PORT are both ${nobody}: set one of them to another port\n`);
    expect(existsSync(join(dataDir, 'ports.json'))).toBe(false);
  });

  it('reads what it needs from <NAME>_FILE too', async () => {
    writeFileSync(join(dataDir, 'port'), `${taken}\n`);
    expect(await refusal({ DATA_DIR: dataDir, PORT_FILE: join(dataDir, 'port') })).toContain(
      `PORT: 127.0.0.1:${taken}`,
    );
  });

  it('names the Postgres and the Redis that it cannot reach, without their passwords', async () => {
    const postgres = await refused({ DATABASE_URL: `postgres://ann:hunter2@127.0.0.1:${nobody}/rookery` });
    expect(postgres).toContain(`DATABASE_URL: Postgres at 127.0.0.1:${nobody} cannot be reached (ECONNREFUSED)`);
    const redis = await refused({ REDIS_URL: `redis://:hunter2@127.0.0.1:${nobody}` });
    expect(redis).toBe(`rookery: REDIS_URL: Redis at 127.0.0.1:${nobody} cannot be reached (ECONNREFUSED)\n`);
    expect(postgres + redis).not.toContain('hunter2');
  }, 60_000);

  it('names every malformed variable at once and shows no secret', async () => {
    const said = await refused({
      PORT: 'http',
      RUNTIME: 'vm',
      DATABASE_URL: 'mysql://ann:hunter2@db/x',
      JWT_SECRET: 'hunter2-too-short',
      OPENAI_API_KEY_FILE: '/nowhere/key',
      EGRESS_ALLOW_CIDRS: 'everywhere',
    });
    for (const name of ['PORT', 'RUNTIME', 'DATABASE_URL', 'JWT_SECRET', 'OPENAI_API_KEY_FILE', 'EGRESS_ALLOW_CIDRS']) {
      expect(said).toMatch(new RegExp(`^rookery: ${name} `, 'm'));
    }
    expect(said).not.toContain('hunter2');
  });

  it('serves no address but loopback without isolation, unless it is told to', async () => {
    expect(await refused({ HOST: '0.0.0.0' })).toMatch(/^rookery: HOST is 0\.0\.0\.0, .*ALLOW_UNISOLATED=1/);
    const allowed = await refused({ HOST: '0.0.0.0', ALLOW_UNISOLATED: '1', EDGE_RELAY_PORT: taken });
    expect(allowed).toContain('EDGE_RELAY_PORT');
  });

  it('names the engine that RUNTIME=docker cannot reach', async () => {
    const socket = join(dataDir, 'no-engine.sock');
    expect(await refused({ RUNTIME: 'docker', DOCKER_HOST: `unix://${socket}` })).toBe(
      `rookery: RUNTIME=docker, but no Docker engine answers at unix://${socket} (ENOENT)\n`,
    );
    expect(await refused({ RUNTIME: 'docker', DOCKER_HOST: `tcp://127.0.0.1:${nobody}` })).toContain('ECONNREFUSED');
  }, 60_000);

  it('names a folder that it cannot use', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    expect(await refused({ DATA_DIR: join(file, 'x') })).toBe(
      `rookery: ${file}/x leads through something that is not a folder\n`,
    );
    const newer = join(dataDir, 'newer');
    mkdirSync(newer);
    writeFileSync(join(newer, 'VERSION'), '2\n');
    expect(await refused({ DATA_DIR: newer })).toMatch(/newer has layout 2, this version of Rookery knows 1/);
  });

  it('takes over the lock of a launcher whose pid somebody else has by now', async () => {
    writeFileSync(join(dataDir, 'rookery.lock'), JSON.stringify({ pid: process.pid, startTime: 'long ago' }));
    expect(await refused({ PORT: taken })).toContain('PORT: ');
    expect(existsSync(join(dataDir, 'rookery.lock'))).toBe(false);
  });
});

describeIf(process.platform === 'linux' && requireTool('root'), 'npm start as root', () => {
  it('names a folder that the users of Postgres and agents cannot reach, or that cannot be made', async () => {
    const shut = mkdtempSync(join(tmpdir(), 'rookery-shut-'));
    const said = await refusal({ DATA_DIR: join(shut, 'data') });
    expect(said).toContain(
      `DATA_DIR ${join(shut, 'data')} can't be reached by the users that Postgres and agents run as`,
    );
    expect(await refusal({ DATA_DIR: '/proc/rookery' })).toContain("/proc/rookery can't be made");
    await eraseDataDir(shut);
  });

  it('says that the disk is full, and starts with nothing half written once it has room', async () => {
    const disk = newDataDir();
    const mount = (options: string): void => {
      const { stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk], { encoding: 'utf8' });
      expect(stderr).toBe('');
    };
    const server = await somebodyListens();
    const environment = { DATA_DIR: disk, PORT: String((server.address() as AddressInfo).port) };
    try {
      mount('size=4k,mode=0711');
      expect(await refusal(environment)).toBe(`rookery: The disk is full: ${disk} could not be written\n`);
      mount('remount,size=16m');
      expect(await refusal(environment)).toContain('PORT: ');
      const said = await refusal({ ...environment, PORT: String(await freePort()) });
      expect(said).toMatch(/Postgres could not be prepared in \S+: .*No space left on device/);
    } finally {
      server.close();
      spawnSync('umount', [disk]);
      await eraseDataDir(disk);
    }
  });
});

describeIf(process.platform === 'linux' && requireTool('root'), 'npm start as an ordinary user', () => {
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  const folder = newDataDir();
  const dataDir = join(folder, 'data');
  const mounted = join(folder, 'checkout');
  const user = { uid: id('-u'), gid: id('-g'), checkout: process.cwd() };
  let rookery: RunningRookery;

  beforeAll(async () => {
    mkdirSync(dataDir);
    chownSync(dataDir, user.uid, user.gid);
    if (spawnSync('test', ['-r', join(process.cwd(), 'package.json')], user).status !== 0) {
      mkdirSync(mounted);
      expect(spawnSync('mount', ['--bind', process.cwd(), mounted], { encoding: 'utf8' }).stderr).toBe('');
      user.checkout = mounted;
    }
    rookery = await startRookery({ HOME: folder }, dataDir, 120_000, user);
  }, 150_000);
  afterAll(async () => {
    await rookery?.interrupt();
    if (existsSync(mounted)) expect(spawnSync('umount', [mounted]).status).toBe(0);
    await eraseDataDir(folder);
  }, 60_000);

  it('makes an agent, chats with it and stops, all of it as that user', async () => {
    const client = new AgentoClient(rookery.url, rookery.apiKey);
    const { id: agentId } = await client.createDemoAgent('Ordinary');
    expect(textOf(await client.chat(agentId, SAYS_WHO_IT_IS))).toContain(SAYS_WHO_IT_IS);
    const pids = [...programPids(dataDir), postgresPid(dataDir), agentPid(dataDir, agentId)];
    expect(pids.map((pid) => statSync(`/proc/${pid}`).uid)).toEqual(pids.map(() => user.uid));
    expect(await client.data('POST', `/v1/agents/${agentId}/stop`)).toMatchObject({ status: 'stopped' });
    expect(await rookery.interrupt()).toBe(0);
    const { isAlive } = await processes();
    expect(pids.filter(isAlive)).toEqual([]);
  }, 120_000);

  it('names a folder that it may not write', async () => {
    const other = join(folder, 'of-root');
    mkdirSync(other);
    expect(await refusal({ DATA_DIR: other }, user)).toMatch(
      new RegExp(`^rookery: No permission for ${other}\\S*: choose another DATA_DIR, or run as its owner\n$`),
    );
  });
});

describe('a Rookery on its data folder', () => {
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;
  let pid: number;

  const start = async (): Promise<void> => {
    rookery = await startRookery({}, rookery?.dataDir);
    client = new AgentoClient(rookery.url, rookery.apiKey);
  };
  const chats = async (): Promise<void> => {
    const said = await eventually(async () => textOf(await client.chat(agent.id, SAYS_WHO_IT_IS)), {
      timeoutMs: 30_000,
    });
    expect(said).toContain(SAYS_WHO_IT_IS);
  };

  beforeAll(async () => {
    await start();
    agent = await client.createDemoAgent('Ada');
    pid = agentPid(rookery.dataDir, agent.id);
  }, 150_000);
  afterAll(async () => {
    await rookery?.interrupt();
    if (rookery) await eraseDataDir(rookery.dataDir);
  }, 60_000);

  it('refuses a second start and says who has the folder', async () => {
    const said = await refusal({ DATA_DIR: rookery.dataDir });
    expect(said).toContain(
      `Rookery already runs on ${rookery.dataDir} (process ${rookery.launcher.pid}, ${rookery.url})`,
    );
    await chats();
  }, 60_000);

  it('starts its Postgres again when it was killed; agents notice nothing', async () => {
    process.kill(postgresPid(rookery.dataDir), 'SIGKILL');
    await eventually(() => /Postgres ended \(SIGKILL.*starting it again/.test(rookery.output()));
    await eventually(async () => (await client.agent(agent.id)).status === 'running', { timeoutMs: 30_000 });
    await chats();
    expect(agentPid(rookery.dataDir, agent.id)).toBe(pid);
    expect(rookery.launcher.exitCode).toBeNull();
  }, 90_000);

  it('takes over what a killed launcher left: ends its programs, adopts its agents', async () => {
    const { isAlive } = await processes();
    const left = [...programPids(rookery.dataDir), postgresPid(rookery.dataDir)];
    await ended(rookery.launcher, 'SIGKILL');
    expect(left.filter(isAlive)).toEqual(left);
    await start();
    expect(rookery.output()).toContain('ended 3 programs that a killed launcher had left; agents live on');
    expect(left.filter(isAlive)).toEqual([]);
    await chats();
    expect(agentPid(rookery.dataDir, agent.id)).toBe(pid);
  }, 150_000);

  it('leaves nothing behind at Ctrl-C, and runs its agents again at the next start', async () => {
    const { isAlive } = await processes();
    const running = [...programPids(rookery.dataDir), postgresPid(rookery.dataDir), pid];
    expect(running.filter(isAlive)).toEqual(running);
    expect(await rookery.interrupt()).toBe(0);
    expect(running.filter(isAlive)).toEqual([]);
    expect(existsSync(join(rookery.dataDir, 'rookery.lock'))).toBe(false);
    await start();
    await eventually(async () => (await client.agent(agent.id)).status === 'running', { timeoutMs: 30_000 });
    await chats();
    expect(agentPid(rookery.dataDir, agent.id)).not.toBe(pid);
  }, 180_000);

  it('ends in the middle of a start, too', async () => {
    const dataDir = newDataDir();
    const { launcher, output } = launch({ DATA_DIR: dataDir, PORT: String(await freePort()) });
    await eventually(() => output().includes('Starting Postgres'), { timeoutMs: 30_000 });
    expect(await ended(launcher, 'SIGINT')).toBe(0);
    expect(existsSync(join(dataDir, 'postgres/data/postmaster.pid'))).toBe(false);
    await eraseDataDir(dataDir);
  }, 90_000);
});
