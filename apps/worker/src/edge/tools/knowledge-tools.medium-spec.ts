import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signAgentToken } from '#libs/crypto';
import { type Caller, newId } from '#libs/kernel';
import { KnowledgeService } from '#libs/knowledge';
import { type EmbeddingServer, type TestOrganisation, embeddingServer, testOrganisation } from '#libs/testing';
import { type EdgeFixture, EPOCH, startEdge } from '../testing/edge-fixture.js';

interface Hit {
  readonly citation: string;
  readonly text: string;
}

describe('knowledge_search', () => {
  const quiet = new AbortController().signal;
  let embeddings: EmbeddingServer;
  let edge: EdgeFixture;
  let organisation: TestOrganisation;

  beforeAll(async () => {
    embeddings = await embeddingServer();
    edge = await startEdge({ embeddings: { url: embeddings.url, model: 'words', apiKey: undefined } });
    organisation = await testOrganisation(edge.db.database);
  });
  afterAll(async () => {
    await edge?.close();
    await embeddings?.stop();
  });

  const know = (caller: Caller, target: object, text: string, source: string): Promise<unknown> =>
    edge.app.get(KnowledgeService).ingest(caller, target, [{ text, source }], quiet);

  async function search(
    agent: { agentId: string; orgId: string },
    input: object,
  ): Promise<{ status: number; body: unknown }> {
    const { agentId, orgId } = agent;
    const claims = { agentId, orgId, hostId: edge.config.host.id, epoch: EPOCH };
    const answer = await fetch(`${edge.agentUrl}/door/tools/knowledge_search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${signAgentToken(edge.config.security.jwtSecret, claims)}` },
      body: JSON.stringify({ input }),
    });
    return { status: answer.status, body: await answer.json() };
  }

  const found = async (agent: { agentId: string; orgId: string }, query: string): Promise<string[]> => {
    const { body } = await search(agent, { query, limit: 20 });
    return (body as { output: { results: Hit[] } }).output.results.map(({ citation }) => citation).sort();
  };

  it('finds what the agent and its swarm know, and nothing of other agents, swarms and organisations', async () => {
    const [ada, bob] = [await edge.agent('127.0.0.1:1', organisation), await edge.agent('127.0.0.1:1', organisation)];
    const stranger = await edge.agent('127.0.0.1:1');
    const [swarm, otherSwarm] = [newId(), newId()];
    for (const id of [swarm, otherSwarm]) {
      await edge.db.database.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'S', $3)`, [
        ...[id, organisation.orgId, id],
      ]);
    }
    const fact = 'The printer stands on the second floor';
    await know(organisation.caller, { agentId: ada.agentId }, fact, 'own.md');
    await know(organisation.caller, { agentId: bob.agentId }, fact, 'of-bob.md');
    await know(organisation.caller, { swarmId: swarm }, fact, 'swarm.md');
    await know(organisation.caller, { swarmId: otherSwarm }, fact, 'other-swarm.md');
    await know(stranger.caller, { agentId: stranger.agentId }, fact, 'strange.md');
    expect(await found(ada, 'printer floor')).toEqual(['[own.md]']);
    await edge.db.database.query('UPDATE agents SET swarm_id = $1 WHERE id = $2', [swarm, ada.agentId]);
    expect(await found(ada, 'printer floor')).toEqual(['[own.md]', '[swarm.md]']);
    expect(await found(bob, 'printer floor')).toEqual(['[of-bob.md]']);
    expect(await found(stranger, 'printer floor')).toEqual(['[strange.md]']);
  });

  it('gives each text with the source to cite', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    expect((await search(agent, { query: 'anything' })).body).toEqual({ output: { results: [] } });
    await know(organisation.caller, { agentId: agent.agentId }, 'Returns are free for 30 days', 'shop/returns.md');
    await know(organisation.caller, { agentId: agent.agentId }, 'We ship on weekdays', 'shop/shipping.md');
    expect((await search(agent, { query: 'returns free days', limit: 1 })).body).toEqual({
      output: {
        results: [
          {
            citation: '[shop/returns.md]',
            source: 'shop/returns.md',
            type: 'article',
            text: 'Returns are free for 30 days',
            similarity: expect.any(Number),
            id: expect.any(String),
          },
        ],
      },
    });
    const filtered = await search(agent, { query: 'returns', source: 'shop/shipping.md' });
    expect((filtered.body as { output: { results: Hit[] } }).output.results).toMatchObject([
      { citation: '[shop/shipping.md]' },
    ]);
  });

  it('refuses queries that are none', async () => {
    const agent = await edge.agent('127.0.0.1:1', organisation);
    for (const input of [
      {},
      { query: '' },
      { query: ' ' },
      { query: 'a\0' },
      { query: 7 },
      { query: 'x', limit: 100 },
    ]) {
      expect([input, (await search(agent, input)).status]).toEqual([input, 400]);
    }
  });
});
