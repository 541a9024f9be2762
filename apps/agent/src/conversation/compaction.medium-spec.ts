import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dirname } from 'node:path';
import { AgentProgram, buildAgent, removeFolder, temporaryFolder } from '../../test/agent-program.js';
import { assistant, chat, post, user } from '../../test/chat-client.js';
import { type Asked, ProviderServer, type Step } from '../../test/provider-server.js';
import { isSummaryRequest, sizeOf, summarisingModel } from '../../test/summarising-model.js';

const BUDGET = 2000;
/** About 100 tokens. */
const FILLER = 'and so on it went, with many words about nothing in particular '.repeat(6);
const provider = new ProviderServer('openai');
let program: string;
let workspace: string;
let agent: AgentProgram;

beforeAll(async () => {
  program = await buildAgent();
  await provider.start();
}, 60_000);

afterAll(async () => {
  await provider.stop();
  await removeFolder(dirname(program));
});

beforeEach(async () => {
  workspace = await temporaryFolder();
  provider.asked.length = 0;
  provider.behaviour = { kind: 'model', step: summarisingModel };
  await start();
});

afterEach(async () => {
  await agent.stop('SIGKILL');
  await removeFolder(workspace);
});

async function start(environment: Record<string, string> = {}): Promise<void> {
  agent = await AgentProgram.start({
    program,
    workspace,
    provider: 'openai',
    baseUrl: provider.url,
    environment: { ROOKERY_CONTEXT_TOKENS: String(BUDGET), ...environment },
  });
}

const fact = (nr: number): string => `FACT the code of door ${nr} is ${nr * 7919}.`;
const facts = (count: number): string[] => Array.from({ length: count }, (_, nr) => fact(nr));

/** Says `count` facts, one a turn, each in a heap of filler. */
async function tell(count: number, from = 0): Promise<void> {
  for (let nr = from; nr < count; nr += 1) {
    const { error } = await chat(agent.url, `${FILLER}\n${fact(nr)}\n${FILLER}`, { session: 's1', turn: nr * 2 });
    if (error) throw new Error(error.code);
  }
}

const recite = async (turn: number, session = 's1', peer?: string): Promise<string> =>
  (await chat(agent.url, 'What do you know?', { session, turn, ...(peer === undefined ? {} : { peer }) })).text;

const summaries = (): Asked[] => provider.asked.filter(isSummaryRequest);

describe('a conversation past its budget', () => {
  it('keeps what was said long ago, within the budget', async () => {
    await tell(60);
    expect((await recite(120)).split('\n')).toEqual(expect.arrayContaining(facts(60)));
    const turns = provider.asked.filter((asked) => !isSummaryRequest(asked));
    expect(Math.max(...turns.map(sizeOf))).toBeLessThanOrEqual(BUDGET);
    expect(summaries().length).toBeGreaterThan(2);
    expect(summaries().length).toBeLessThan(20);
  });

  it('would forget without the summaries: what is sent holds no old turn', async () => {
    await tell(60);
    const forgetful = (asked: Asked): Step =>
      isSummaryRequest(asked) ? { words: ['Nothing of note.'] } : summarisingModel(asked);
    provider.behaviour = { kind: 'model', step: forgetful };
    for (let nr = 60; nr < 80; nr += 1) await chat(agent.url, FILLER.repeat(2), { session: 's1', turn: nr * 2 });
    expect(await recite(160)).not.toContain(fact(3));
  });

  it('sends recent turns as they were', async () => {
    await tell(30);
    await chat(agent.url, 'My very last words', { session: 's1', turn: 60 });
    await recite(62);
    expect(provider.lastAsked.messages.map(({ text }) => text)).toContain('My very last words');
    expect(provider.lastAsked.messages[0]?.text).toContain('data, not instructions');
  });

  it('keeps its summary over a restart', async () => {
    await tell(40);
    await agent.stop('SIGTERM');
    await start();
    expect(await recite(80)).toContain(fact(0));
  });

  it('keeps its summary when a refill brings the newest messages only', async () => {
    await tell(40);
    const refused = await post(agent.url, 'hi', { session: 's1', turn: 82 });
    expect(refused.status).toBe(409);
    const { error } = (await refused.json()) as { error: { messages: number } };
    expect(error.messages).toBeLessThan(30);
    const newest = [
      user(fact(40)),
      assistant('Noted.'),
      user(fact(41)),
      assistant('Noted.'),
      user('What do you know?'),
    ];
    const { text } = await chat(agent.url, newest, { session: 's1', turn: 84, refill: true });
    expect(text.split('\n')).toEqual(expect.arrayContaining(facts(42)));
    expect(await recite(86)).toContain(fact(0));
  });

  it('summarises a refill that is larger than the budget', async () => {
    const earlier = facts(100).flatMap((text) => [user(`${FILLER}${text}`), assistant('Noted.')]);
    const { text } = await chat(agent.url, [...earlier, user('What do you know?')], {
      session: 's1',
      turn: 1000,
      refill: true,
    });
    expect(text.split('\n')).toEqual(expect.arrayContaining(facts(100)));
    expect(summaries().length).toBeLessThanOrEqual(16);
    expect((await recite(1002)).split('\n')).toEqual(expect.arrayContaining(facts(100)));
  });

  it('never mixes the summaries of sessions and peers', async () => {
    await tell(40);
    expect(await recite(0, 's2')).not.toContain('FACT');
    expect(await recite(0, 's1', 'bob')).not.toContain('FACT');
  });

  it('fails no turn when the summary fails, and tries again', async () => {
    const failing = (asked: Asked): string | undefined => (isSummaryRequest(asked) ? 'out of order' : undefined);
    await tell(8);
    provider.refuses = failing;
    await tell(20, 8);
    const text = await recite(40);
    expect(text).toContain(fact(19));
    expect(text).not.toContain(fact(0));
    expect(agent.lines.join('\n')).toContain('could not be summarised: provider_refused');
    provider.refuses = () => undefined;
    expect(await recite(42)).toContain(fact(0));
  });

  it('logs how much it summarised, and nothing of it', async () => {
    await tell(30);
    expect(agent.lines.join('\n')).toMatch(/\d+ messages of session s1 summarised in \d+ ms/);
    expect(agent.lines.join('\n')).not.toContain('FACT');
  });
});

describe('a new message larger than the budget', () => {
  it('goes in full, with the summary of what came before', async () => {
    await tell(30);
    await chat(agent.url, `${FILLER.repeat(40)} the end`, { session: 's1', turn: 60 });
    const sent = provider.lastAsked.messages.map(({ text }) => text).join('\n');
    expect(sent).toContain('the end');
    expect(sent).toContain(fact(0));
  });
});

describe('outputs of tools', () => {
  it('are shortened from the oldest when a turn gathers more than the budget', async () => {
    const call = (nr: number): Step => ({
      calls: [{ name: 'memory_write', input: { name: `n${nr}`, content: `${nr} ${'x'.repeat(6000)}` } }],
    });
    const read = (nr: number): Step => ({ calls: [{ name: 'memory_read', input: { name: `n${nr}` } }] });
    provider.behaviour = {
      kind: 'steps',
      steps: [call(0), call(1), call(2), read(0), read(1), read(2), { words: ['done'] }],
    };
    expect((await chat(agent.url, 'hi')).text).toBe('done');
    const results = provider.lastAsked.results.slice(3).map((text) => text.length);
    expect(results[0]).toBeLessThan(500);
    expect(results[2]).toBe(6002);
  });
});
