import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#libs/testing';
import { textOf, type WireAgent } from '../client.js';
import type { RuntimesWorld } from './conformance.js';

/** How to reach the files of an agent that is stopped or runs. */
export interface Workspaces {
  /** Paths of the files in the workspace. */
  list(agentId: string): Promise<string[]>;
  /** Takes the workspace away, with all that the host knows of it. */
  wipe(agentId: string): Promise<void>;
}

const START_MS = 240_000;
const CASE_MS = 120_000;
const DATABASE = /^\.openclaw\/.*\.sqlite$/;

/** OpenClaw against the model that needs no provider, in shared mode, and with a workspace that is lost. */
export function openclawWithDemoModel(at: () => RuntimesWorld, workspaces: () => Workspaces): void {
  describe('OpenClaw in shared mode with the demo model', () => {
    let agent: WireAgent;

    const runs = (): Promise<unknown> =>
      eventually(
        async () => {
          const { status, lastError } = await at().client.agent(agent.id);
          if (status !== 'running') throw new Error(`${status}: ${lastError}`);
          return true;
        },
        { timeoutMs: START_MS, intervalMs: 500 },
      );
    const ask = async (message: string): Promise<string> => {
      const frames = await at().client.chat(agent.id, message);
      expect(frames.at(-1)).toEqual({ type: 'done' });
      return textOf(frames);
    };

    beforeAll(async () => {
      const config = { llmProvider: 'demo', sharedMode: true };
      const body = { name: 'Shared', runtime: 'openclaw', secrets: {}, config };
      agent = await at().client.data('POST', '/v1/agents', body);
      await runs();
    }, START_MS);
    afterAll(async () => {
      await at().client.call('DELETE', `/v1/agents/${agent.id}`);
    }, CASE_MS);

    it(
      'answers, and recalls the turn before',
      async () => {
        expect(await ask('My colour is teal')).toContain('teal');
        expect(await ask('What did I say before?')).toContain('teal');
      },
      CASE_MS,
    );

    it(
      'gives nobody a tool',
      async () => {
        const mark = 'shared-mode-mark';
        await at().drop(agent.id, 'marked.txt', mark);
        for (const [name, input] of [
          ['exec', { command: 'cat marked.txt' }],
          ['read', { path: 'marked.txt' }],
        ] as const) {
          expect(await ask(`[[tool ${name} ${JSON.stringify(input)}]]`)).not.toContain(mark);
        }
        await ask('[[tool write {"path":"written.txt","content":"by a tool"}]]');
        expect(await workspaces().list(agent.id)).not.toContain('written.txt');
      },
      CASE_MS,
    );

    it(
      'has its databases and its conversation again after its workspace was wiped',
      async () => {
        const { client } = at();
        const before = (await workspaces().list(agent.id)).filter((path) => DATABASE.test(path));
        expect(before.length).toBeGreaterThan(0);
        expect(await client.data('POST', `/v1/agents/${agent.id}/stop`)).toMatchObject({ status: 'stopped' });
        await workspaces().wipe(agent.id);
        await client.call('POST', `/v1/agents/${agent.id}/start`);
        await runs();
        expect(await workspaces().list(agent.id)).toEqual(expect.arrayContaining(before));
        expect(await ask('What did I say before?')).toContain('teal');
      },
      START_MS + CASE_MS,
    );
  });
}
