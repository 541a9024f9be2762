import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Case, DOC, readTable, withTable, type World } from '../../../apps/agent/test/runtimes-doc.js';
import { eventually } from '#libs/testing';
import { AgentoClient, textOf, type WireAgent } from '../client.js';
import type { ConformanceModel } from './model.js';

/** A Rookery with a model of ours behind it. */
export interface RuntimesWorld {
  readonly client: AgentoClient;
  readonly model: ConformanceModel;
  /** Base URL of the host's relay. */
  readonly relayUrl: string;
  /** Writes a file into the workspace of a running agent. */
  drop(agentId: string, path: string, content: string): Promise<void>;
}

export interface Column {
  readonly world: World;
  readonly runtime: 'house' | 'openclaw';
  readonly version: string;
  /** Looks at the instance itself. */
  readonly inspect?: (agentId: string) => Promise<void>;
}

const START_MS = 240_000;
/** OpenClaw opens databases and loads tools late, and one case starts it anew; nothing here asserts on time. */
const CASE_MS = START_MS + 60_000;

/** The one suite for every runtime of agents, driven from outside: API, relay, gateway, broker, model. */
export function gatewayConformance(
  { world: column, runtime, version, inspect }: Column,
  at: () => RuntimesWorld,
): void {
  describe(`the gateway of ${column}`, () => {
    const outcomes: Record<string, boolean> = {};
    let agent: WireAgent;

    const check = (name: Case, run: () => Promise<void>): void =>
      it(
        name,
        async () => {
          outcomes[name] = false;
          await run();
          outcomes[name] = true;
        },
        CASE_MS,
      );
    const ask = async (message: string, more: object = {}): Promise<string> => {
      const frames = await at().client.chat(agent.id, message, more);
      expect(frames.at(-1)).toEqual({ type: 'done' });
      return textOf(frames);
    };
    const newSession = async (): Promise<string> =>
      (await at().client.data<{ id: string }>('POST', `/v1/agents/${agent.id}/chat/sessions`, {})).id;

    beforeAll(async () => {
      const { client } = at();
      agent = await client.data('POST', '/v1/agents', {
        name: 'Ada',
        runtime,
        secrets: { openaiApiKey: 'sk-conformance' },
        config: { llmProvider: 'openai', model: 'm-1' },
      });
      await runs();
    }, START_MS);
    afterAll(async () => {
      await at().client.call('DELETE', `/v1/agents/${agent.id}`);
      const doc = readFileSync(DOC, 'utf8');
      const table = readTable(doc);
      const versions = { ...table.versions, [column]: version };
      const changed = withTable(doc, { versions, outcomes: { ...table.outcomes, [column]: outcomes } });
      if (changed !== doc) writeFileSync(DOC, changed);
    }, CASE_MS);

    const runs = (): Promise<unknown> =>
      eventually(
        async () => {
          const { status, lastError } = await at().client.agent(agent.id);
          if (status !== 'running') throw new Error(`${status}: ${lastError}`);
          return true;
        },
        { timeoutMs: START_MS, intervalMs: 500 },
      );

    if (inspect) it('has the room and the limits of its runtime', () => inspect(agent.id));

    check('tells that it lives', async () => {
      const status = await at().client.data<{ status: string; live: boolean }>('GET', `/v1/agents/${agent.id}/status`);
      expect(status).toMatchObject({ status: 'running', live: true });
    });

    check('refuses who does not know its token', async () => {
      const url = `${at().relayUrl}/relay/${agent.id}/v1/chat/completions`;
      const headers = { authorization: 'Bearer wrong', 'content-type': 'application/json' };
      const body = JSON.stringify({ model: 'agent', messages: [{ role: 'user', content: 'say hello' }] });
      const before = at().model.calls;
      expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(401);
      expect(at().model.calls).toBe(before);
    });

    check('streams an answer piece by piece', async () => {
      const frames = await at().client.chat(agent.id, 'stream 30');
      expect(frames.filter(({ type }) => type === 'text').length).toBeGreaterThan(2);
      expect(frames.at(-1)).toEqual({ type: 'done' });
      expect(textOf(frames).trim().split(' ')).toEqual(Array.from({ length: 30 }, (_, nr) => `word${nr}`));
    });

    check('keeps sessions apart', async () => {
      const [one, two] = [await newSession(), await newSession()];
      await ask('say canary-one', { sessionId: one });
      expect(await ask('seen canary-one', { sessionId: one })).toBe('yes');
      expect(await ask('seen canary-one', { sessionId: two })).toBe('no');
    });

    check('begins anew in a new session', async () => {
      await newSession();
      await ask('say canary-old');
      expect(await ask('seen canary-old')).toBe('yes');
      await newSession();
      expect(await ask('seen canary-old')).toBe('no');
    });

    check('lets a leaving reader stop the model', async () => {
      const { client, model } = at();
      const [before, calls] = [model.left, model.calls];
      const leaving = new AbortController();
      const chat = client.chat(agent.id, 'hang', {}, leaving.signal).catch(() => undefined);
      await eventually(() => model.calls > calls, { timeoutMs: 30_000 });
      leaving.abort();
      await chat;
      await eventually(() => model.left > before, { timeoutMs: 30_000 });
      expect(await ask('say still here')).toContain('still here');
    });

    check('says that the model is down', async () => {
      await at().model.stop();
      const frames = await at()
        .client.chat(agent.id, 'say hello')
        .finally(() => at().model.start());
      expect(frames.at(-1)).toMatchObject({ type: 'error', message: expect.stringMatching(/provider|OpenAI/) });
      expect(await ask('say hello again')).toContain('hello again');
    });

    check('keeps a conversation over a restart', async () => {
      await newSession();
      await ask('say canary-kept');
      await at().client.call('POST', `/v1/agents/${agent.id}/restart`);
      await runs();
      expect(await ask('seen canary-kept')).toBe('yes');
    });

    check('keeps peers apart, whatever tool one of them tries', async () => {
      const canary = `canary${randomBytes(8).toString('hex')}`;
      await ask(`say ${canary}`, { peerId: 'ann' });
      expect(await ask(`seen ${canary}`, { peerId: 'ann' })).toBe('yes');
      expect(await ask(`seen ${canary}`, { peerId: 'bob' })).toBe('no');
      const report = JSON.parse(await ask(`tools ${canary}`, { peerId: 'bob' })) as { tried: number; found: number };
      expect(report).toMatchObject({ found: 0 });
      expect(report.tried).toBeGreaterThan(0);
    });

    check('follows an edit of SOUL.md with the next turn', async () => {
      for (const [nr, peer] of [
        [1, {}],
        [2, { peerId: 'ann' }],
      ] as const) {
        await at().drop(agent.id, 'SOUL.md', `# Soul\n\nYour mark is soulmark${nr}.\n`);
        // the mark stands in the question once; twice means that the system prompt has it
        expect(await ask(`seen soulmark${nr}`, peer)).toBe('yes');
      }
    });

    check('uses a skill that was dropped in with the next turn', async () => {
      const front = '---\nname: tide-tables\ndescription: Tells tides by tablemark.\n---\n';
      await at().drop(agent.id, 'skills/tide-tables/SKILL.md', `${front}\n# Tides\n\nHigh water is at noon.\n`);
      expect(await ask('seen tablemark')).toBe('yes');
    });

    check('uses an installed skill with the next turn, and no disabled one', async () => {
      const { client } = at();
      const files = { 'SKILL.md': '---\nname: star-charts\ndescription: Tells stars by starmark.\n---\n\n# Stars\n' };
      const { digest } = await client.data<{ digest: string }>('POST', '/v1/skills', { files });
      const install = { skillId: 'star-charts', trustLevel: 'custom' };
      const { isEnabled } = await client.data<{ isEnabled: boolean }>('POST', `/v1/agents/${agent.id}/skills`, install);
      expect(isEnabled).toBe(true);
      const sees = async (): Promise<string> => ask('seen starmark', { sessionId: await newSession() });
      expect(await sees()).toBe('yes');
      await client.data('PUT', `/v1/disabled-skills/${digest}`, { reason: 'It is over' });
      await eventually(async () => (await sees()) === 'no', { timeoutMs: 60_000, intervalMs: 1_000 });
      await client.data('DELETE', `/v1/disabled-skills/${digest}`);
    });

    check('logs nothing of what was said', async () => {
      const { logs } = await at().client.data<{ logs: string }>('GET', `/v1/agents/${agent.id}/logs?tail=1000`);
      expect(logs).toMatch(/\[info\]/);
      expect(logs).not.toMatch(/canary|soulmark|tablemark|starmark|word29|You said|sk-conformance/);
    });
  });
}
