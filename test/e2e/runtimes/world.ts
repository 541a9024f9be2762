import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#libs/testing';
import { AgentoClient } from '../client.js';
import { eraseDataDir, type RunningRookery, startRookery } from '../rookery.js';
import type { RuntimesWorld } from './conformance.js';
import { ConformanceModel } from './model.js';

export const OPENCLAW_VERSION = '2026.9.6';

/** Where `node scripts/openclaw.mjs` puts OpenClaw. */
export const openclawDir = (): string =>
  process.env.OPENCLAW_DIR ??
  join(
    process.env.XDG_CACHE_HOME ?? (process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache')),
    'rookery',
    `openclaw-${OPENCLAW_VERSION}`,
  );

export const hasOpenclaw = (): boolean => existsSync(join(openclawDir(), 'node_modules', 'openclaw', 'package.json'));

export interface StartedWorld extends RuntimesWorld {
  readonly rookery: RunningRookery;
  close(): Promise<void>;
}

export async function startWorld(
  environment: Record<string, string>,
  bind: string,
  drop: (rookery: RunningRookery, agentId: string, path: string, content: string) => Promise<void>,
): Promise<StartedWorld> {
  const model = new ConformanceModel(bind);
  await model.start();
  const relayPort = await freePort();
  const own = { EDGE_RELAY_PORT: String(relayPort), OPENAI_BASE_URL: model.url, RATE_LIMIT_PER_MINUTE: '100000' };
  const rookery = await startRookery({ ...own, ...environment }, undefined, 300_000);
  return {
    rookery,
    model,
    relayUrl: `http://127.0.0.1:${relayPort}`,
    client: new AgentoClient(rookery.url, rookery.apiKey),
    drop: (agentId, path, content) => drop(rookery, agentId, path, content),
    close: async () => {
      await rookery.interrupt();
      await model.stop();
      await eraseDataDir(rookery.dataDir);
    },
  };
}
