import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signAgentToken } from '#libs/crypto';
import { SecretsService } from '#libs/secrets';
import { type TestOrganisation, eventually, testOrganisation } from '#libs/testing';
import { type EdgeFixture, EPOCH, startEdge } from './testing/edge-fixture.js';
import { ScriptedServer } from './testing/scripted-server.js';

const MOST = 3;

describe('the calls of one agent', () => {
  const provider = new ScriptedServer();
  let edge: EdgeFixture;
  let organisation: TestOrganisation;
  let release: () => void;

  beforeAll(async () => {
    await provider.start();
    const at = { baseUrl: `${provider.url}/v1`, apiKey: undefined };
    edge = await startEdge({ providers: { openai: at, anthropic: at }, edge: { callsPerAgent: MOST } });
    organisation = await testOrganisation(edge.db.database);
    const keys = { openai_api_key: 'sk-1', anthropic_api_key: 'sk-ant-1' };
    const owner = { kind: 'organisation', id: organisation.orgId } as const;
    await edge.db.database.transaction((tx) => edge.app.get(SecretsService).put(tx, organisation, owner, keys));
  });
  afterAll(async () => {
    await edge?.close();
    await provider.stop();
  });
  beforeEach(() => {
    const released = new Promise<void>((resolve) => (release = resolve));
    provider.script = async (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
      await released;
      res.end('data: two\n\n');
    };
  });

  const newAgent = async (): Promise<string> => {
    const { agentId, orgId } = await edge.agent('127.0.0.1:1', organisation);
    return signAgentToken(edge.config.security.jwtSecret, {
      agentId,
      orgId,
      hostId: edge.config.host.id,
      epoch: EPOCH,
    });
  };
  const post = (path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> =>
    fetch(`${edge.agentUrl}/llm/${path}`, { method: 'POST', body: '{}', headers, ...(signal ? { signal } : {}) });
  const openai = (token: string, signal?: AbortSignal): Promise<Response> =>
    post('openai/chat/completions', { authorization: `Bearer ${token}` }, signal);
  const fill = (token: string): Promise<Response[]> => Promise.all(Array.from({ length: MOST }, () => openai(token)));

  it('are counted together, and one too many is refused in the words of its provider', async () => {
    const token = await newAgent();
    const open = await fill(token);
    expect(open.map(({ status }) => status)).toEqual(Array(MOST).fill(200));
    const refused = await openai(token);
    expect([refused.status, await refused.json()]).toEqual([
      429,
      { error: expect.objectContaining({ code: 'too_many_calls', message: expect.stringContaining('3 model calls') }) },
    ]);
    const other = await post('anthropic/messages', { 'x-api-key': token });
    expect([other.status, await other.json()]).toMatchObject([429, { type: 'error' }]);
    const demo = await post('demo/chat/completions', { authorization: `Bearer ${token}` });
    expect(demo.status).toBe(429);
    release();
    expect(await Promise.all(open.map((answer) => answer.text()))).toEqual(
      Array(MOST).fill('data: one\n\ndata: two\n\n'),
    );
    await eventually(async () => (await (await openai(token)).text()).endsWith('two\n\n'));
  });

  it('leave room for those of another agent', async () => {
    const open = await fill(await newAgent());
    const other = await openai(await newAgent());
    expect(other.status).toBe(200);
    release();
    await Promise.all([...open, other].map((answer) => answer.text()));
  });

  it('make room when the agent leaves in the middle of an answer', async () => {
    const token = await newAgent();
    const leaving = new AbortController();
    const open = await Promise.all(Array.from({ length: MOST }, () => openai(token, leaving.signal)));
    expect((await openai(token)).status).toBe(429);
    leaving.abort();
    await Promise.allSettled(open.map((answer) => answer.text()));
    await eventually(async () => {
      const answer = await openai(token);
      release();
      await answer.text();
      return answer.status === 200;
    });
  });
});
