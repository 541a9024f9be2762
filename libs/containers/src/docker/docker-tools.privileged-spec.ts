import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { newId } from '#libs/kernel';
import {
  PackageRegistries,
  type TestDatabase,
  describeIf,
  eventually,
  freePort,
  requireTool,
  testDatabase,
} from '#libs/testing';
import { type AgentTools, type ToolRequest, toolsDigest } from '../agent-tools.js';
import { DockerTestHost } from '../conformance/docker-host.conformance-spec.js';
import type { ContainerSpec } from '../container-runtime.js';
import type { DockerRuntime } from './docker-runtime.js';

const signal = new AbortController().signal;
const NOTHING: ToolRequest = { npm: [], pip: [], go: [], apt: [], bins: [] };
const AGENT_IMAGE = 'rookery/agent:local';
const VERSION = '1.2.3';
const SHOUT = { npm: [`shouter@${VERSION}`], bins: ['shout'] };
const WHISPER = { pip: [`whisper==${VERSION}`], bins: ['whisper'] };
const MAX_MB = 60;
jest.setTimeout(180_000);

/** Names that an image of this checkout must have, made from local files. */
function makeImages(): void {
  const made = spawnSync(process.execPath, ['scripts/local-images.mjs', 'agent', 'tools'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`The images could not be made: ${made.stderr}`);
}

describeIf(requireTool('docker'), 'tools for agents in containers', () => {
  const docker = new Docker();
  const registries = new PackageRegistries();
  const seenOutside: string[] = [];
  let outside: Server;
  let address: string;
  let db: TestDatabase;
  let edge: ChildProcess;
  let host: DockerTestHost;
  let runtime: DockerRuntime;
  let tools: AgentTools;

  beforeAll(async () => {
    makeImages();
    const bridge = (await docker.getNetwork('bridge').inspect()) as Docker.NetworkInspectInfo;
    address = bridge.IPAM?.Config?.[0]?.Gateway ?? '172.17.0.1';
    await registries.start();
    outside = createServer((request, response) => {
      seenOutside.push(request.url ?? '');
      response.end('outside');
    });
    await once(outside.listen(0, '0.0.0.0'), 'listening');
    await fill();
    const at = `http://${address}:${registries.port}`;
    const paths = { npm: `${at}/npm`, pip: `${at}/pip/simple`, go: `${at}/go` };
    const settings = {
      registries: { ...paths, apt: `[trusted=yes] ${at}/apt local main` },
      timeoutMs: 120_000,
      maxMb: MAX_MB,
    };
    db = await testDatabase();
    const door = await freePort();
    const databaseUrl = `postgres://rookery:x@127.0.0.1/rookery?door=${door}`;
    host = await DockerTestHost.open({ subnetPool: '10.216.0.0/16', databaseUrl, tools: settings });
    edge = await startEdge(door, settings.registries);
    runtime = await host.worker();
    tools = runtime.tools;
  }, 600_000);

  afterAll(async () => {
    await host?.close();
    edge?.kill();
    await db?.close();
    await registries.stop();
    outside.close();
  }, 120_000);

  /** The program itself, on this machine; a container that stands in its place leads to it. */
  async function startEdge(door: number, at: Readonly<Record<string, string>>): Promise<ChildProcess> {
    const { security } = host.config;
    const env = {
      PATH: process.env.PATH,
      ROLE: 'edge',
      RUNTIME: 'docker',
      HOST_ID: host.config.host.id,
      DATABASE_URL: db.config().databaseUrl,
      DATA_DIR: db.dataDir,
      JWT_SECRET: security.jwtSecret,
      MASTER_KEY: security.masterKey,
      EDGE_BIND: '0.0.0.0',
      EDGE_RELAY_PORT: String(await freePort()),
      EDGE_AGENT_PORT: String(door),
      TOOLS_NPM_REGISTRY: at.npm,
      TOOLS_PIP_INDEX: at.pip,
      TOOLS_GO_PROXY: at.go,
      TOOLS_APT_SOURCE: at.apt,
    };
    const program = spawn(process.execPath, ['dist/apps/worker/src/main.js'], { env, stdio: 'ignore' });
    const answers = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${door}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually(answers, { timeoutMs: 60_000 });
    return program;
  }

  const OUTSIDE_CALL = (): string =>
    `require('http').get('http://${address}:${(outside.address() as AddressInfo).port}/npm-script')`;

  async function fill(): Promise<void> {
    const script = `node -e "require('fs').writeFileSync('ran', ''); ${OUTSIDE_CALL()}"`;
    await registries.addNpm(address, {
      name: 'shouter',
      version: VERSION,
      bin: { shout: 'shout.js' },
      scripts: { preinstall: script, install: script, postinstall: script },
      dependencies: { 'upper-words': '^1.0.0' },
      files: {
        'shout.js':
          "#!/usr/bin/env node\nconst up = require('upper-words');\nconst ran = require('fs').existsSync(__dirname + '/ran');\nconsole.log(up(process.argv.slice(2).join(' ')), ran ? 'SCRIPTS RAN' : 'quietly');\n",
      },
    });
    const upper = 'module.exports = (text) => text.toUpperCase();\n';
    await registries.addNpm(address, { name: 'upper-words', version: '1.0.1', files: { 'index.js': upper } });
    const escape = { 'x.js': '#!/usr/bin/env node\n' };
    await registries.addNpm(address, { name: 'no-program', version: VERSION, files: escape });
    registries.addPip(
      'whisper',
      VERSION,
      'import sys\ndef main():\n    print(" ".join(sys.argv[1:]).lower(), sys.flags.isolated)\n',
    );
    await registries.addPipSource(
      'sourced',
      VERSION,
      `import urllib.request\nurllib.request.urlopen("http://${address}:${(outside.address() as AddressInfo).port}/setup")\n`,
    );
    registries.addGo('example.com/counter', 'v1.2.3', {
      'main.go': 'package main\n\nimport "os"\n\nfunc main() { println(len(os.Args) - 1) }\n',
    });
    const program = '#!/bin/sh\nread -r line < "${0%/*}/../share/greeter/word"\necho "$line $1"\n';
    await registries.setApt(
      'greeter',
      VERSION,
      { 'usr/bin/greet': program, 'usr/share/greeter/word': 'hello\n' },
      '#!/bin/sh\ntouch /tools/*/postinst-ran\n',
    );
  }

  const build = (request: Partial<ToolRequest>, log: (line: string) => void = () => undefined): Promise<string> =>
    tools.build({ ...NOTHING, ...request }, { signal, log });

  /** A command in the container of an agent that has these tools. */
  async function agentRuns(digests: readonly string[], ...commands: string[][]): Promise<string[]> {
    const agentId = newId();
    const limits = { memoryMb: 256, cpus: 1, pidsLimit: 64, stopTimeoutMs: 1_000 };
    const env = {
      ROOKERY_AGENT_ID: agentId,
      ROOKERY_AGENT_NAME: 'Ada',
      ROOKERY_GATEWAY_TOKEN: 'gateway-token-for-tests',
      ROOKERY_LLM_PROVIDER: 'demo',
      ROOKERY_LLM_BASE_URL: 'http://edge:4101/llm/demo',
      ROOKERY_LLM_TOKEN: 'x',
    };
    const spec: ContainerSpec = {
      agentId,
      orgId: 'o',
      epoch: 1,
      runtime: 'house',
      image: AGENT_IMAGE,
      env,
      files: [],
      tools: digests,
      ...limits,
    };
    try {
      await runtime.ensure(spec, signal);
      await runtime.start(agentId, signal);
      const outputs: string[] = [];
      for (const Cmd of commands) {
        const container = docker.getContainer(`rookery-agent-${agentId}`);
        const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true, Tty: true });
        outputs.push((await text(await exec.start({ Tty: true }))).trim());
      }
      return outputs;
    } finally {
      await runtime.remove(agentId, { wipe: true }, signal);
    }
  }

  const leftovers = async (digest: string): Promise<unknown[]> => {
    const containers = await docker.listContainers({ all: true, filters: { label: [`dev.rookery.tools=${digest}`] } });
    const { Volumes } = await docker.listVolumes({ filters: { label: [`dev.rookery.tools=${digest}`] } });
    const networks = await docker.listNetworks({ filters: { name: [`tools-${digest}`] } });
    return [...containers, ...(Volumes ?? []), ...networks];
  };

  it.each<[string, Partial<ToolRequest>, string[], RegExp]>([
    ['npm', SHOUT, ['shout', 'hello', 'you'], /^HELLO YOU quietly$/],
    ['pip', WHISPER, ['whisper', 'HELLO', 'You'], /^hello you 0$/],
    ['apt', { apt: ['greeter'], bins: ['greet'] }, ['greet', 'you'], /^hello you$/],
  ])(
    'are installed by %s, run by an agent, without any script of a package',
    async (_method, request, command, answer) => {
      const lines: string[] = [];
      const digest = await build(request, (line) => lines.push(line));
      expect(digest).toBe(toolsDigest({ ...NOTHING, ...request }));
      expect(lines.join('\n')).toContain(Object.values(request)[0]?.[0]);
      const [said, wrote, scripts] = await agentRuns(
        [digest],
        command,
        ['sh', '-c', `echo x > /tools/${digest}/bin/x`],
        ['sh', '-c', `ls /tools/${digest}`],
      );
      expect(said).toMatch(answer);
      expect(wrote).toMatch(/Read-only file system/i);
      expect(scripts).not.toContain('postinst-ran');
      expect(seenOutside).toEqual([]);
    },
  );

  describeIf(requireTool('go'), 'from Go modules', () => {
    it('are built and run', async () => {
      const digest = await build({ go: ['example.com/counter@v1.2.3'], bins: ['counter'] });
      expect(await agentRuns([digest], ['counter', 'a', 'b'])).toEqual(['2']);
    });
  });

  it('stand side by side, behind the programs of the image', async () => {
    const digests = [await build(SHOUT), await build(WHISPER)];
    const [one, other, which] = await agentRuns(
      digests,
      ['shout', 'a'],
      ['whisper', 'B'],
      ['sh', '-c', 'command -v node'],
    );
    expect([one, other, which]).toEqual(['A quietly', 'b 0', '/usr/local/bin/node']);
    expect([...(await tools.present([...digests, '0'.repeat(32)]))].sort()).toEqual([...digests].sort());
  });

  it('are built once when several ask at the same time', async () => {
    const request = { npm: ['upper-words'], bins: [] };
    registries.requests.length = 0;
    const digests = await Promise.all([build(request), build(request), build(request)]);
    expect(new Set(digests).size).toBe(1);
    expect(registries.requests.filter((path) => path.endsWith('.tgz'))).toHaveLength(1);
    await build(request);
    expect(registries.requests.filter((path) => path.endsWith('.tgz'))).toHaveLength(1);
  });

  describe('that can`t be built', () => {
    const failure = async (request: Partial<ToolRequest>): Promise<string> => {
      const error = await build(request).then(
        () => undefined,
        (reason: unknown) => reason as { code: string; message: string },
      );
      expect(error).toMatchObject({ code: 'tools_failed' });
      expect(await leftovers(toolsDigest({ ...NOTHING, ...request }))).toEqual([]);
      return error?.message ?? '';
    };

    it('are told with the last lines, and leave nothing', async () => {
      expect(await failure({ apt: ['not-there'] })).toMatch(/Unable to locate package not-there/);
      expect(await failure({ npm: ['shouter', 'not-there'], pip: ['whisper'] })).toMatch(/npm ended with exit code 1/);
      expect(await failure({ npm: ['no-program'], bins: ['absent'] })).toMatch(/bring no program absent/);
    });

    it('include what would have to run a program of its own', async () => {
      expect(await failure({ pip: ['sourced'] })).toMatch(/No matching distribution/);
      expect(seenOutside).toEqual([]);
    });

    it('are refused when they take too much room', async () => {
      await registries.addNpm(address, {
        name: 'huge',
        version: VERSION,
        files: { 'x.bin': Buffer.alloc((MAX_MB + 5) * 1024 * 1024, randomBytes(1024 * 1024)) },
      });
      expect(await failure({ npm: ['huge'] })).toMatch(/need more than 60 MB/);
    });
  });

  it('are not taken from a host that is no registry', async () => {
    const { port } = outside.address() as AddressInfo;
    await registries.addNpm(address, { name: 'elsewhere', version: VERSION, files: {} });
    const packument = `http://${address}:${port}/elsewhere.tgz`;
    registries.redirectNpm('elsewhere', packument);
    await expect(build({ npm: ['elsewhere'] })).rejects.toMatchObject({ code: 'tools_failed' });
    expect(seenOutside).toEqual([]);
  });

  it('of a killed worker are made anew, and never used half-built', async () => {
    const request = { ...NOTHING, apt: ['greeter'] };
    const digest = toolsDigest(request);
    // what a build leaves that was killed: a volume of that name with something in it, a container and a network
    const volume = runtime.tools.volumes.nameOf(digest);
    await runtime.tools.volumes.make(digest);
    await docker.createContainer({
      name: `${volume}-build`,
      Image: 'rookery/tools:local',
      Labels: { 'dev.rookery.host': host.config.host.id },
    });
    expect(await tools.present([digest])).toEqual([]);
    await expect(agentRuns([digest], ['true'])).rejects.toMatchObject({ code: 'tools_missing' });
    expect(await build(request)).toBe(digest);
    expect(await agentRuns([digest], ['greet', 'again'])).toEqual(['hello again']);
  });

  it('end when whoever wants them leaves, and leave nothing', async () => {
    const leaving = new AbortController();
    const request = { ...NOTHING, npm: ['shouter'], pip: ['whisper'], bins: ['shout'] };
    const building = tools.build(request, { signal: leaving.signal, log: () => leaving.abort(new Error('left')) });
    await expect(building).rejects.toThrow('left');
    await eventually(async () => (await leftovers(toolsDigest(request))).length === 0);
  });

  it('are swept when nobody uses them any more and they are old', async () => {
    const digest = await build({ npm: ['upper-words'] });
    expect(await tools.sweep(new Set(), signal)).toBe(0);
    const spared = Date.now;
    try {
      Date.now = () => spared() + 2 * 3_600_000;
      expect(await tools.sweep(new Set([digest]), signal)).toBeGreaterThan(0);
      expect(await tools.present([digest])).toEqual([digest]);
      expect(await tools.sweep(new Set(), signal)).toBe(1);
    } finally {
      Date.now = spared;
    }
    expect(await tools.present([digest])).toEqual([]);
    expect(await leftovers(digest)).toEqual([]);
  });
});
