import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#libs/testing';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

type Body = Record<string, unknown>;

let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;
let agents: string[];

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
  org = await api.organisation();
  agents = await Promise.all([newAgent('Ada'), newAgent('Grace')]);
}, 90_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});

const call = async (method: string, path: string, body?: unknown): Promise<Body> => {
  const answer = await api.request(method, path, { apiKey: org.apiKey, ...(body === undefined ? {} : { body }) });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body as Body;
};

async function newAgent(name: string): Promise<string> {
  const { data } = await call('POST', '/v1/agents', { name, config: { llmProvider: 'demo' } });
  return (data as { id: string }).id;
}

/** Says it in the caller's newest conversation. @returns the whole reply. */
async function chat(agentId: string, message: string): Promise<string> {
  const stream = String(await call('POST', `/v1/agents/${agentId}/chat/messages`, { message }));
  return stream
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => (JSON.parse(line.slice(6)) as { content?: string }).content ?? '')
    .join('');
}

describe('a conversation with real agents', () => {
  it('goes on with another agent, who knows what was said and added', async () => {
    const { id } = await call('POST', '/api/v1/conversations', { agent_id: agents[0] });
    await chat(agents[0]!, 'My parcel is number 4711');
    for (const [role, content] of [
      ['user', 'It was promised for Monday'],
      ['assistant', 'I will look into it'],
    ]) {
      await call('POST', `/api/v1/conversations/${id as string}/messages`, { role, content });
    }
    await call('POST', `/api/v1/conversations/${id as string}/attach-agent`, { agent_id: agents[1] });
    const reply = await chat(agents[1]!, 'What did I say before?');
    expect(reply).toContain('My parcel is number 4711');
    expect(reply).toContain('It was promised for Monday');
    const { messages } = (await call('GET', `/api/v1/conversations/${id as string}/messages`)) as {
      messages: { role: string; content: string }[];
    };
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'user', 'assistant']);
    const found = await call('GET', `/api/v1/conversations/${id as string}/search?q=parcel`);
    expect((found.results as { matches: { content: string }[] }).matches.map(({ content }) => content)).toEqual(
      expect.arrayContaining(['My parcel is number 4711', reply]),
    );
  }, 60_000);

  it('is summarised by its agent once it does not fit', async () => {
    const { id } = await call('POST', '/api/v1/conversations', { agent_id: agents[0] });
    for (const content of ['[[echo The door code is 4711.]]', 'something else', 'and the newest']) {
      await call('POST', `/api/v1/conversations/${id as string}/messages`, { role: 'user', content });
    }
    const context = (): Promise<Body> => call('GET', `/api/v1/conversations/${id as string}/context?limit=1`);
    expect(await context()).toMatchObject({ summary: 'pending', omitted_messages: 2 });
    await eventually(async () => (await context()).summary === 'ready');
    expect(await context()).toMatchObject({
      messages: [
        { role: 'system', content: 'Summary of the earlier conversation:\nThe door code is 4711.' },
        { role: 'user', content: 'and the newest' },
      ],
      total_messages: 3,
    });
  }, 60_000);
});
