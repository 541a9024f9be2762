import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Config } from '#libs/config';
import { LOCAL_EMBEDDER } from '#libs/embeddings';
import { newId } from '#libs/kernel';
import {
  type EmbeddingServer,
  type Overrides,
  type TestOrganisation,
  embeddingServer,
  eventually,
  testOrganisation,
} from '#libs/testing';
import type { FoundChunk } from './knowledge.js';
import { KNOWLEDGE_WORLDS, type KnowledgeProgram, type KnowledgeWorld } from './testing/knowledge-program.js';

const COUNT = 200;
const quiet = new AbortController().signal;

/** No two are duplicates to any of the embedders. */
const text = (n: number): string =>
  `Note${n} ${createHash('sha512').update(`text ${n}`).digest('hex').match(/.{10}/g)!.join(' ')}`;

describe.each(KNOWLEDGE_WORLDS)('another embedder, with the store %s', (_name, make) => {
  let first: EmbeddingServer;
  let second: EmbeddingServer;
  let world: KnowledgeWorld;
  let org: TestOrganisation;
  let agentId: string;
  let before: KnowledgeProgram;
  let after: KnowledgeProgram;

  const asking = ({ url }: EmbeddingServer, model: string): Overrides<Config> => ({
    embeddings: { url, model, apiKey: undefined },
  });

  beforeAll(async () => {
    first = await embeddingServer(64);
    second = await embeddingServer(32);
    world = await make();
    org = await testOrganisation(world.sql);
  }, 120_000);
  afterAll(async () => {
    await world?.close();
    await first?.stop();
    await second?.stop();
  });
  beforeEach(async () => {
    agentId = newId();
    await world.sql.query(
      `INSERT INTO agents (id, org_id, name, region, image, desired_state) VALUES ($1, $2, 'A', 'eu', 'x', 'running')`,
      [agentId, org.orgId],
    );
    before = world.program(asking(first, 'first'));
    after = world.program(asking(second, 'second'));
    await store(
      before,
      Array.from({ length: COUNT }, (_v, n) => text(n)),
    );
  });
  afterEach(async () => {
    second.delayMs = 0;
    second.isDown = false;
    await world.sql.query('DELETE FROM knowledge_bases');
  });

  async function store(program: KnowledgeProgram, texts: readonly string[]): Promise<void> {
    for (let at = 0; at < texts.length; at += 100) {
      const chunks = texts.slice(at, at + 100).map((one) => ({ text: one, source: one.split(' ')[0]! }));
      const { stored } = await program.service.ingest(org.caller, { agentId }, chunks, quiet);
      expect(stored).toBe(chunks.length);
    }
  }

  const search = (program: KnowledgeProgram, query: string): Promise<FoundChunk[]> =>
    program.service.search(org.caller, { agentId }, { query, limit: 5 }, quiet);
  const best = async (program: KnowledgeProgram, query: string): Promise<string | undefined> =>
    (await search(program, query))[0]?.text;
  const base = async () => (await after.bases.find(org, { swarmId: null, agentId }))!;
  const missingOf = async (embedder: string): Promise<number> => {
    const { id } = await base();
    const target = { orgId: org.orgId, baseId: id, embedder };
    return (await after.store.missing(world.sql, target, 10_000)).length;
  };
  /** Everything is there once for the new one and not at all for the former. */
  const isSwitched = async (former: string, chunks: number): Promise<void> => {
    const { embedder, chunkCount } = await base();
    expect([embedder, chunkCount]).toEqual([after.embedders.current.id, chunks]);
    expect(await missingOf(embedder)).toBe(0);
    expect(await missingOf(former)).toBe(chunks);
  };

  it('is switched to in the background: searched, added to and deleted from meanwhile', async () => {
    const former = (await base()).embedder;
    second.delayMs = 40;
    const switching = after.upkeep.reembed(quiet);
    await eventually(async () => (await missingOf(after.embedders.current.id)) < COUNT, { intervalMs: 5 });
    let asked = 0;
    const round = async (): Promise<void> => {
      const n = (asked * 37) % COUNT;
      if (n !== 7) {
        expect(await best(after, text(n))).toBe(text(n));
        expect(await best(before, text(n))).toBe(text(n));
      }
      asked += 1;
    };
    await round();
    await store(after, [text(1_000)]);
    expect(await after.service.remove(org.caller, { agentId }, { source: 'Note7' })).toBe(1);
    let over = false;
    void switching.finally(() => (over = true));
    while (!over) await round();
    await switching;
    expect(asked).toBeGreaterThan(0);
    await isSwitched(former, COUNT);
    expect((await search(after, text(7))).map((hit) => hit.text)).not.toContain(text(7));
    expect(await best(after, text(1_000))).toBe(text(1_000));
    const [hit] = await search(after, text(3));
    expect(hit?.similarity).toBeCloseTo(1, 4);
  }, 60_000);

  it('answers by words and by what is there of the new one when the former is out of reach', async () => {
    second.delayMs = 40;
    const switching = after.upkeep.reembed(quiet);
    await eventually(async () => (await missingOf(after.embedders.current.id)) < COUNT, { intervalMs: 5 });
    for (const n of [0, COUNT - 1]) expect((await search(after, text(n))).map((hit) => hit.text)).toContain(text(n));
    await switching;
    expect((await search(after, text(COUNT - 1)))[0]?.similarity).toBeCloseTo(1, 4);
  }, 60_000);

  it('is gone on with by another worker when the first was killed, and not before', async () => {
    const former = (await base()).embedder;
    second.delayMs = 60;
    const killed = new AbortController();
    const dying = after.upkeep.reembed(killed.signal);
    await eventually(async () => (await missingOf(after.embedders.current.id)) < COUNT, { intervalMs: 5 });
    killed.abort(new Error('killed'));
    await expect(dying).rejects.toThrow('killed');
    const left = await missingOf(after.embedders.current.id);
    expect(left).toBeGreaterThan(0);
    const successor = world.program(asking(second, 'second'));
    expect(await successor.bases.claimStale(successor.embedders.current.id)).toBeUndefined();
    await successor.upkeep.reembed(quiet);
    expect(await missingOf(after.embedders.current.id)).toBe(left);
    await world.sql.query(`UPDATE knowledge_bases SET claimed_until = now() - interval '1 s'`);
    await successor.upkeep.reembed(quiet);
    await isSwitched(former, COUNT);
  }, 60_000);

  it('is tried again when it does not answer, and nothing is lost until then', async () => {
    const former = (await base()).embedder;
    second.isDown = true;
    await expect(after.upkeep.reembed(quiet)).rejects.toMatchObject({ kind: 'unavailable' });
    expect([(await base()).embedder, await missingOf(former)]).toEqual([former, 0]);
    expect(await best(before, text(5))).toBe(text(5));
    second.isDown = false;
    await world.sql.query(`UPDATE knowledge_bases SET claimed_until = now() - interval '1 s'`);
    await after.upkeep.reembed(quiet);
    await isSwitched(former, COUNT);
  }, 60_000);

  it('finds nothing to do when all is embedded by it, and takes no base twice', async () => {
    await after.upkeep.reembed(quiet);
    const asked = second.texts.length;
    await after.upkeep.reembed(quiet);
    expect(second.texts).toHaveLength(asked);
    expect(asked).toBeGreaterThanOrEqual(COUNT);
  }, 60_000);

  it('deletes what deleted agents knew, and nothing else', async () => {
    const gone = newId();
    await world.sql.query(
      `INSERT INTO agents (id, org_id, name, region, image, desired_state) VALUES ($1, $2, 'B', 'eu', 'x', 'running')`,
      [gone, org.orgId],
    );
    await before.service.ingest(org.caller, { agentId: gone }, [{ text: 'Known to one', source: 's' }], quiet);
    await after.upkeep.dropOrphans(quiet);
    expect(await world.sql.query('SELECT 1 FROM knowledge_bases')).toHaveLength(2);
    await world.sql.query(`UPDATE agents SET desired_state = 'deleted' WHERE id = $1`, [gone]);
    await after.upkeep.dropOrphans(quiet);
    expect(await world.sql.query('SELECT agent_id FROM knowledge_bases')).toEqual([{ agent_id: agentId }]);
    expect(await world.sql.query('SELECT 1 FROM knowledge_chunks')).toHaveLength(COUNT);
    expect(await missingOf((await base()).embedder)).toBe(0);
  }, 60_000);
});

describe('the offline model and an endpoint', () => {
  it('know each other: a base of the one is searched by it until the other is done', async () => {
    const endpoint = await embeddingServer(48);
    const world = await KNOWLEDGE_WORLDS[0]![1]();
    try {
      const org = await testOrganisation(world.sql);
      const agentId = newId();
      await world.sql.query(`INSERT INTO agents (id, org_id, name, region, image) VALUES ($1, $2, 'A', 'eu', 'x')`, [
        ...[agentId, org.orgId],
      ]);
      const local = world.program();
      const chunks = [
        { text: 'Reset your password on the login page', source: 'help.md' },
        { text: 'The weather in Rome is fine', source: 'travel.md' },
      ];
      await local.service.ingest(org.caller, { agentId }, chunks, quiet);
      const remote = world.program({ embeddings: { url: endpoint.url, model: 'words', apiKey: undefined } });
      const query = { query: 'I forgot my secret code and can not sign in', limit: 1 };
      const [hit] = await remote.service.search(org.caller, { agentId }, query, quiet);
      expect([hit?.source, endpoint.texts]).toEqual(['help.md', []]);
      await remote.upkeep.reembed(quiet);
      expect(endpoint.texts).toEqual(chunks.map(({ text: one }) => one));
      const [base] = await world.sql.query<{ embedder: string }>('SELECT embedder FROM knowledge_bases');
      expect(base?.embedder).not.toBe(LOCAL_EMBEDDER);
    } finally {
      await world.close();
      await endpoint.stop();
    }
  }, 60_000);
});
