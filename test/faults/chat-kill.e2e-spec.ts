import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { createParser } from 'eventsource-parser';
import { describeIf, eventually, requireTool } from '#libs/testing';
import { AgentoClient, type ChatFrame, type WireAgent, textOf } from '../e2e/client.js';
import { removeHost } from '../e2e/docker-host.js';
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

function killOnly(pids: number[]): void {
  expect(pids).toHaveLength(1);
  process.kill(pids[0] as number, 'SIGKILL');
}

/** How to find and end what takes part in a chat. */
interface Victims {
  readonly environment: Record<string, string>;
  readonly edgeEnds: readonly [string, (rookery: RunningRookery) => unknown][];
  killAgent(agentId: string): unknown;
  instances(agentId: string): Promise<number>;
}

const processes: Victims = {
  environment: {},
  edgeEnds: [
    ['kill -9', ({ dataDir }) => killOnly(pidsOf('dist/apps/worker/src/main.js', `DATA_DIR=${dataDir}`, 'ROLE=edge'))],
  ],
  killAgent: (agentId) => killOnly(pidsOf('main.js', `ROOKERY_AGENT_ID=${agentId}`)),
  instances: (agentId) => Promise.resolve(pidsOf('main.js', `ROOKERY_AGENT_ID=${agentId}`).length),
};

const HOST = `chat-kill-${process.pid}`;
const EDGE = `rookery-edge-${HOST}`;
const docker = new Docker();
const killMain = async (container: string): Promise<void> => {
  process.kill((await docker.getContainer(container).inspect()).State.Pid, 'SIGKILL');
};

const containers: Victims = {
  environment: { RUNTIME: 'docker', HOST_ID: HOST, EDGE_CONTAINER: EDGE, DOCKER_SUBNET_POOL: '10.232.0.0/16' },
  edgeEnds: [
    ['kill -9 of its main process', () => killMain(EDGE)],
    ['docker kill', () => docker.getContainer(EDGE).kill({ signal: 'SIGKILL' })],
    ['docker rm -f', () => docker.getContainer(EDGE).remove({ force: true })],
  ],
  killAgent: (agentId) => killMain(`rookery-agent-${agentId}`),
  instances: async (agentId) => {
    const filters = { label: [`dev.rookery.agent=${agentId}`] };
    return (await docker.listContainers({ filters })).length;
  },
};

function survives(victims: Victims): void {
  let rookery: RunningRookery;
  let client: AgentoClient;
  let agent: WireAgent;

  beforeAll(async () => {
    const dataDir = join(tmpdir(), `rookery-chat-kill-${randomUUID()}`);
    rookery = await startRookery(victims.environment, dataDir, 240_000);
    client = new AgentoClient(rookery.url, rookery.apiKey);
    agent = await client.createDemoAgent('Victim');
    await eventually(async () => (await client.agent(agent.id)).status === 'running', { timeoutMs: 30_000 });
  }, 300_000);
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

  it.each(victims.edgeEnds)(
    'of the edge (%s): the run says failed, its reader is told, and the next message is answered',
    async (_, end) => {
      const turn = await longTurn();
      await end(rookery);
      expect(await turn.ended).toBe(false);
      expect(turn.frames.at(-1)).toMatchObject({ type: 'error', code: 'answer_cut' });
      await becomes(turn.runId, 'failed');
      expect(textOf(turn.frames)).toBe(await lastReply());
      await answersAgain();
    },
    120_000,
  );

  it('of the agent: the run says failed, the agent comes back and answers in the same session', async () => {
    const turn = await longTurn();
    await victims.killAgent(agent.id);
    expect(await turn.ended).toBe(false);
    expect(turn.frames.at(-1)).toMatchObject({ type: 'error', code: 'answer_cut' });
    await becomes(turn.runId, 'failed');
    await answersAgain();
    expect(await victims.instances(agent.id)).toBe(1);
  }, 120_000);
}

describeIf(process.platform === 'linux', 'kill -9 during a chat (process runtime)', () => survives(processes));

describeIf(requireTool('docker') && requireTool('root'), 'kill -9 during a chat (docker runtime)', () => {
  survives(containers);
  afterAll(() => removeHost(HOST), 60_000);
});
