import { afterAll, beforeAll } from '@jest/globals';
import { chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { houseVersion } from '../../../apps/agent/test/runtimes-doc.js';
import { describeIf } from '#libs/testing';
import { gatewayConformance } from './conformance.js';
import { openclawWithDemoModel } from './openclaw-demo.js';
import { hasOpenclaw, OPENCLAW_VERSION, openclawDir, type StartedWorld, startWorld } from './world.js';

describeIf(hasOpenclaw(), 'runtimes of agents as processes of this machine', () => {
  let world: StartedWorld;

  beforeAll(async () => {
    world = await startWorld(
      { OPENCLAW_DIR: openclawDir() },
      '127.0.0.1',
      async ({ dataDir }, agentId, path, content) => {
        const workspace = join(dataDir, 'agents', agentId, 'workspace');
        const { uid, gid } = statSync(workspace);
        const file = join(workspace, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content);
        for (let each = file; each !== workspace; each = dirname(each)) chownSync(each, uid, gid);
      },
    );
  }, 300_000);
  afterAll(() => world?.close(), 60_000);

  gatewayConformance({ world: 'house, process', runtime: 'house', version: houseVersion() }, () => world);
  gatewayConformance({ world: 'OpenClaw, process', runtime: 'openclaw', version: OPENCLAW_VERSION }, () => world);

  const home = (agentId: string): string => join(world.rookery.dataDir, 'agents', agentId);
  openclawWithDemoModel(
    () => world,
    () => ({
      list: (agentId) =>
        Promise.resolve(readdirSync(join(home(agentId), 'workspace'), { recursive: true, encoding: 'utf8' })),
      wipe: (agentId) => rm(home(agentId), { recursive: true }),
    }),
  );
});
