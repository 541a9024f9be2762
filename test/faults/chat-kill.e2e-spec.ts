import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createParser } from 'eventsource-parser';
import { describeIf, eventually } from '#libs/testing';
import { AgentoClient, type ChatFrame, type WireAgent, textOf } from '../e2e/client.js';
import { type RunningRookery, eraseDataDir, startRookery } from '../e2e/rookery.js';

const SLOW = '[[slow 600x50ms]]';

/** Pids of the processes whose command line and environment hold these texts. */
function pidsOf(program: string, ...environment: string[]): number[] {
  const read = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(name, 'cmdline').includes(program))
    .filter((pid) => {
      const variables = read(pid, 'environ').split('\0');
      return environment.every((variable) => variables.includes(variable));
    })
    .map(Number);
}

describeIf(process.platform === 'linux', 'kill -9 during a chat', () => {
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;

  beforeAll(async () => {
    rookery = await startRookery({}, join(tmpdir(), `rookery-chat-kill-${randomUUID()}`));
    client = new AgentoClient(rookery.url, rookery.apiKey);
    agent = await client.createDemoAgent('Victim');
  }, 180_000);
  afterAll(async () => {
    await rookery?.interrupt();
    if (rookery) await eraseDataDir(rookery.dataDir);
  }, 60_000);

  interface Turn {
    readonly runId: string;
    readonly frames: ChatFrame[];
    /** Resolves when the stream ended, true when it was cut. */
    readonly ended: Promise<boolean>;
  }

  /** Starts a long turn and waits for its first text. */
  async function longTurn(): Promise<Turn> {
    const answer = await fetch(`${rookery.url}/v1/agents/${agent.id}/chat/messages`, {
      method: 'POST',
      headers: { 'x-api-key': rookery.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ message: SLOW }),
    });
    expect(answer.status).toBe(200);
    const frames: ChatFrame[] = [];
    const parser = createParser({ onEvent: ({ data }) => frames.push(JSON.parse(data) as ChatFrame) });
    const text = new TextDecoder();
    const read = async (): Promise<boolean> => {
      try {
        for await (const bytes of answer.body as ReadableStream<Uint8Array>) {
          parser.feed(text.decode(bytes, { stream: true }));
        }
        return false;
      } catch {
        return true;
      }
    };
    const ended = read();
    // More than a second, so that a part has been stored.
    await eventually(() => frames.length >= 40, { timeoutMs: 20_000 });
    return { runId: answer.headers.get('x-run-id') ?? '', frames, ended };
  }

  const statusOf = async (runId: string): Promise<string> =>
    (await client.data<{ status: string }>('GET', `/v1/agents/${agent.id}/chat/runs/${runId}`)).status;
  const becomes = (runId: string, status: string): Promise<unknown> =>
    eventually(
      async () => {
        expect(await statusOf(runId)).toBe(status);
        return true;
      },
      { timeoutMs: 40_000, intervalMs: 200 },
    );
  const lastReply = async (): Promise<string> => {
    const path = `/v1/agents/${agent.id}/chat/messages`;
    const messages = await client.data<{ role: string; content: string }[]>('GET', path);
    return messages.filter(({ role }) => role === 'assistant').at(-1)?.content ?? '';
  };
  const answersAgain = (): Promise<unknown> =>
    eventually(
      async () => {
        const frames = await client.chat(agent.id, '[[echo still here]]');
        expect([textOf(frames), frames.at(-1)]).toEqual(['still here', { type: 'done' }]);
        return true;
      },
      { timeoutMs: 15_000, intervalMs: 200 },
    );

  function killOnly(pids: number[]): void {
    expect(pids).toHaveLength(1);
    process.kill(pids[0] as number, 'SIGKILL');
  }

  it('of the API: the run says interrupted and keeps its text, and the session goes on', async () => {
    const turn = await longTurn();
    killOnly(pidsOf('dist/apps/api/src/main.js', `DATA_DIR=${rookery.dataDir}`));
    await turn.ended;
    expect(turn.frames.at(-1)?.type).toBe('text');
    await becomes(turn.runId, 'interrupted');
    const kept = await lastReply();
    expect(kept.length).toBeGreaterThan(0);
    expect(textOf(turn.frames).startsWith(kept)).toBe(true);
    await answersAgain();
    expect(await statusOf(turn.runId)).toBe('interrupted');
  }, 120_000);

  it('of the edge: the run says failed, its reader is told, and the next message is answered', async () => {
    const turn = await longTurn();
    killOnly(pidsOf('dist/apps/worker/src/main.js', `DATA_DIR=${rookery.dataDir}`, 'ROLE=edge'));
    expect(await turn.ended).toBe(false);
    expect(turn.frames.at(-1)).toMatchObject({ type: 'error', code: 'answer_cut' });
    await becomes(turn.runId, 'failed');
    expect(textOf(turn.frames)).toBe(await lastReply());
    await answersAgain();
  }, 120_000);

  it('of the agent: the run says failed, the agent comes back and answers in the same session', async () => {
    const turn = await longTurn();
    killOnly(pidsOf('main.js', `ROOKERY_AGENT_ID=${agent.id}`));
    expect(await turn.ended).toBe(false);
    expect(turn.frames.at(-1)).toMatchObject({ type: 'error', code: 'answer_cut' });
    await becomes(turn.runId, 'failed');
    await answersAgain();
    expect(pidsOf('main.js', `ROOKERY_AGENT_ID=${agent.id}`)).toHaveLength(1);
  }, 120_000);
});
