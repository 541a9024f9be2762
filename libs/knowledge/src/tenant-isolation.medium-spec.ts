import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newId } from '#libs/kernel';
import { type EmbeddingServer, type TestOrganisation, embeddingServer, testOrganisation } from '#libs/testing';
import type { Chunk, KnowledgeTarget } from './knowledge.js';
import { KNOWLEDGE_WORLDS, type KnowledgeProgram, type KnowledgeWorld } from './testing/knowledge-program.js';

const quiet = new AbortController().signal;

/** Few words and sources, so that all tenants have much in common. */
const WORDS = ['refund', 'invoice', 'password', 'the weather', 'shipping', 'Kyoto', 'contract', 'warranty'];
const SOURCES = ['faq.md', 'handbook.md'];

/** Two organisations: each has two swarms with an agent, and an agent of its own. */
interface Tenant {
  readonly org: TestOrganisation;
  readonly swarms: readonly string[];
  readonly agents: readonly string[];
}

const text = fc.shuffledSubarray(WORDS, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const place = { tenant: fc.nat({ max: 1 }), target: fc.nat({ max: 4 }) };
const write = fc.record({
  ...place,
  kind: fc.constant('write' as const),
  texts: fc.array(text, { minLength: 1, maxLength: 6 }),
  source: fc.constantFrom(...SOURCES),
});
const change = fc.record({
  ...place,
  kind: fc.constantFrom('forget' as const, 'move' as const),
  source: fc.constantFrom(...SOURCES),
});
const ask = fc.record({
  ...place,
  kind: fc.constant('ask' as const),
  query: text,
  limit: fc.integer({ min: 1, max: 50 }),
  source: fc.option(fc.constantFrom(...SOURCES), { nil: undefined }),
});
const steps = fc.array(fc.oneof({ arbitrary: write, weight: 3 }, change, { arbitrary: ask, weight: 3 }), {
  minLength: 15,
  maxLength: 30,
});
type Step = typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never;

describe.each(KNOWLEDGE_WORLDS)('tenants of knowledge, with the store %s', (_name, make) => {
  let embeddings: EmbeddingServer;
  let world: KnowledgeWorld;
  let program: KnowledgeProgram;

  beforeAll(async () => {
    embeddings = await embeddingServer(32);
    world = await make();
    program = world.program({ embeddings: { url: embeddings.url, model: 'words', apiKey: undefined } });
  }, 120_000);
  afterAll(async () => {
    await world?.close();
    await embeddings?.stop();
  });

  async function tenant(): Promise<Tenant> {
    const org = await testOrganisation(world.sql);
    const swarms = [newId(), newId()];
    const agents = [newId(), newId(), newId()];
    for (const id of swarms) {
      await world.sql.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'S', $3)`, [
        id,
        org.orgId,
        id,
      ]);
    }
    for (const [n, id] of agents.entries()) {
      await world.sql.query(
        `INSERT INTO agents (id, org_id, name, region, image, swarm_id) VALUES ($1, $2, 'A', 'eu', 'x', $3)`,
        [id, org.orgId, swarms[n] ?? null],
      );
    }
    return { org, swarms, agents };
  }

  const targetOf = ({ swarms, agents }: Tenant, n: number): KnowledgeTarget =>
    n < swarms.length ? { swarmId: swarms[n] } : { agentId: agents[n - swarms.length] };

  /** What the rows say: the chunks of one swarm or agent by their ids, all of one organisation. */
  async function chunksOf(orgId: string, swarmId: string | null, agentId: string | null): Promise<Map<string, string>> {
    const rows = await world.sql.query<{ id: string; text: string }>(
      `SELECT c.id, c.text FROM knowledge_chunks c JOIN knowledge_bases b ON b.id = c.base_id
        WHERE c.org_id = $1 AND b.org_id = $1 AND (b.swarm_id = $2 OR b.agent_id = $3)`,
      [orgId, swarmId, agentId],
    );
    return new Map(rows.map((row) => [row.id, row.text]));
  }

  async function swarmOf(agentId: string | undefined): Promise<string | null> {
    const [row] = await world.sql.query<{ swarm: string | null }>(
      'SELECT swarm_id AS swarm FROM agents WHERE id = $1',
      [agentId],
    );
    return row?.swarm ?? null;
  }

  async function ownOf({ org }: Tenant, { swarmId, agentId }: KnowledgeTarget): Promise<Map<string, string>> {
    const swarm = swarmId ?? (await swarmOf(agentId));
    return chunksOf(org.orgId, swarm, swarm === null ? (agentId ?? null) : null);
  }

  const areAmong = (found: readonly Chunk[], own: ReadonlyMap<string, string>): void =>
    found.forEach((chunk) => expect(own.get(chunk.id)).toBe(chunk.text));

  async function asked(tenants: readonly Tenant[], step: Step & { kind: 'ask' }): Promise<void> {
    const mine = tenants[step.tenant]!;
    const other = tenants[1 - step.tenant]!;
    const target = targetOf(mine, step.target);
    const own = await ownOf(mine, target);
    const query = { query: step.query, limit: step.limit, source: step.source };
    areAmong(await program.service.search(mine.org.caller, target, query, quiet), own);
    const page = await program.service.list(mine.org.caller, target, { limit: 1 });
    areAmong(page.items, own);
    await refused(program.service.search(other.org.caller, target, query, quiet), 'not_found');
    if (page.nextCursor !== null) {
      const theirs = program.service.list(other.org.caller, targetOf(other, step.target), { cursor: page.nextCursor });
      await refused(theirs, 'validation');
    }
    const agentId = mine.agents[step.target % mine.agents.length]!;
    const swarmId = await swarmOf(agentId);
    const hits = await program.agents.search({ orgId: mine.org.orgId, agentId, swarmId }, query, quiet);
    areAmong(hits, await chunksOf(mine.org.orgId, swarmId, agentId));
    for (const [id] of own) {
      await refused(program.service.remove(other.org.caller, targetOf(other, step.target), { id }), 'not_found');
    }
    expect(await ownOf(mine, target)).toEqual(own);
  }

  const refused = (work: Promise<unknown>, kind: string): Promise<void> => expect(work).rejects.toMatchObject({ kind });

  async function taken(tenants: readonly Tenant[], step: Step): Promise<void> {
    const mine = tenants[step.tenant]!;
    const target = targetOf(mine, step.target);
    if (step.kind === 'ask') return asked(tenants, step);
    if (step.kind === 'forget') {
      await program.service.remove(mine.org.caller, target, { source: step.source });
      return;
    }
    if (step.kind === 'write') {
      const chunks = step.texts.map((one) => ({ text: one, source: step.source }));
      await program.service.ingest(mine.org.caller, target, chunks, quiet);
      return;
    }
    const swarmId = [...mine.swarms, null][step.target % 3];
    await world.sql.query('UPDATE agents SET swarm_id = $2 WHERE id = $1', [mine.agents[step.target % 3], swarmId]);
  }

  it('never get what is not theirs, whatever both have in common, write, delete and ask', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (drawn) => {
        const tenants = [await tenant(), await tenant()];
        for (const step of drawn) await taken(tenants, step);
      }),
      { numRuns: 15 },
    );
  }, 180_000);
});
