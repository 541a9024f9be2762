import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type EmbeddingServer, embeddingServer } from '#libs/testing';
import { type ApiAnswer, type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';

const iso = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
const TABLES = ['knowledge_bases', 'knowledge_chunks', 'knowledge_embeddings'];

interface Entry {
  readonly id: string;
  readonly text: string;
  readonly source: string;
}

let embeddings: EmbeddingServer;
let api: ApiFixture;
let org: ApiOrganisation;
let agentId: string;
let swarmId: string;

beforeAll(async () => {
  embeddings = await embeddingServer();
  api = await startApi({ embeddings: { url: embeddings.url, model: 'words', apiKey: undefined } });
  org = await api.organisation();
});
afterAll(async () => {
  await api?.close();
  await embeddings?.stop();
});
beforeEach(async () => {
  agentId = await insertAgent(org.orgId);
  swarmId = await insertSwarm(org.orgId);
});

async function insertAgent(orgId: string, swarm: string | null = null): Promise<string> {
  const id = newId();
  await api.db.database.query(
    `INSERT INTO agents (id, org_id, swarm_id, name, region, image, status) VALUES ($1, $2, $3, 'A', 'eu', 'x', 'running')`,
    [id, orgId, swarm],
  );
  return id;
}

async function insertSwarm(orgId: string): Promise<string> {
  const id = newId();
  await api.db.database.query(`INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, 'S', $3)`, [id, orgId, id]);
  return id;
}

const call = (method: string, path: string, body?: unknown, of = org): Promise<ApiAnswer> =>
  api.request(method, `/v1/knowledge${path}`, { apiKey: of.apiKey, ...(body === undefined ? {} : { body }) });

const chunk = (text: string, source = 'docs/intro.md', metadata?: object): object => ({
  text,
  source,
  ...(metadata ? { metadata } : {}),
});

async function ingest(target: object, ...chunks: object[]): Promise<unknown> {
  const answer = await call('POST', '/ingest', { ...target, chunks });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return (answer.body as { data: unknown }).data;
}

async function entries(query: string): Promise<Entry[]> {
  const answer = await call('GET', `?${query}`);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return (answer.body as { data: Entry[] }).data;
}

const texts = async (query: string): Promise<string[]> => (await entries(query)).map(({ text }) => text);

const rows = (): Promise<unknown> =>
  Promise.all(
    TABLES.map((table) =>
      api.db.database.query(
        `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS digest FROM ${table} t`,
      ),
    ),
  );

async function refused(
  status: number,
  code: string,
  message: RegExp,
  request: () => Promise<ApiAnswer>,
): Promise<void> {
  const before = await rows();
  const answer = await request();
  expect({ status: answer.status, body: answer.body }).toEqual({
    status,
    body: { error: { code, message: expect.stringMatching(message) } },
  });
  expect(await rows()).toEqual(before);
}

describe('ingest', () => {
  it('stores what is new and answers exactly the documented fields', async () => {
    const answer = await call('POST', '/ingest', {
      agentId,
      chunks: [
        chunk('Agents run in containers'),
        chunk('Swarms share what they know', 'faq.md', { type: 'faq', lang: 'en' }),
      ],
    });
    expect([answer.status, answer.body]).toEqual([200, { data: { stored: 2, skipped: 0, total: 2 } }]);
    const listed = await call('GET', `?agentId=${agentId}`);
    expect(listed.body).toEqual({
      data: [
        {
          id: uuid,
          text: 'Agents run in containers',
          source: 'docs/intro.md',
          type: 'article',
          createdAt: iso,
          updatedAt: iso,
        },
        {
          id: uuid,
          text: 'Swarms share what they know',
          source: 'faq.md',
          type: 'faq',
          createdAt: iso,
          updatedAt: iso,
        },
      ],
      pagination: { nextOffset: null, hasMore: false },
    });
  });

  it('skips what says the same, in the store and within the call', async () => {
    const words = Array.from({ length: 60 }, (_v, n) => `word${n}`);
    const nearly = [...words.slice(0, 59), 'other'].join(' ');
    expect(await ingest({ agentId }, chunk('One text'), chunk('One text'), chunk('Quite different'))).toEqual({
      stored: 2,
      skipped: 1,
      total: 3,
    });
    expect(await ingest({ agentId }, chunk('One text', 'elsewhere.md'))).toEqual({ stored: 0, skipped: 1, total: 1 });
    expect(await ingest({ agentId }, chunk(words.join(' ')), chunk(nearly))).toMatchObject({ stored: 1, skipped: 1 });
    expect(await ingest({ agentId }, chunk(nearly))).toMatchObject({ stored: 0, skipped: 1 });
  });

  it('stores one of the same text that many send at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ingest({ agentId }, chunk('The very same text'))),
    );
    expect(answers.filter((answer) => (answer as { stored: number }).stored === 1)).toHaveLength(1);
    expect(await texts(`agentId=${agentId}`)).toEqual(['The very same text']);
  });

  it('for an agent of a swarm goes to the swarm and is seen through both ids', async () => {
    const member = await insertAgent(org.orgId, swarmId);
    await ingest({ agentId: member }, chunk('Known to all'));
    await ingest({ swarmId }, chunk('Also known by all'));
    for (const query of [`agentId=${member}`, `swarmId=${swarmId}`]) {
      expect(await texts(query)).toEqual(['Known to all', 'Also known by all']);
    }
    expect(await texts(`agentId=${agentId}`)).toEqual([]);
    expect(await ingest({ agentId }, chunk('Known to all'))).toMatchObject({ stored: 1 });
  });

  it('takes 100 chunks of 4,000 characters', async () => {
    const long = (n: number): string => `${n} `.repeat(4_000 / `${n} `.length).padEnd(4_000, 'é');
    const chunks = Array.from({ length: 100 }, (_v, n) => chunk(long(n + 1_000)));
    const answer = await call('POST', '/ingest', { agentId, chunks });
    expect([answer.status, answer.body]).toMatchObject([200, { data: { total: 100 } }]);
  });

  it('counts characters, not the units that hold them', async () => {
    const faces = (count: number): object => chunk('😀'.repeat(count));
    expect(await ingest({ agentId }, faces(4_000))).toEqual({ stored: 1, skipped: 0, total: 1 });
    await refused(400, 'validation_error', /chunks\.0\.text.*4000/, () =>
      call('POST', '/ingest', { agentId, chunks: [faces(4_001)] }),
    );
    const hearts = { agentId, chunks: [chunk('❤\ufe0f'.repeat(2_000)), chunk('❤\ufe0f'.repeat(2_001))] };
    await refused(400, 'validation_error', /chunks\.1\.text.*4000/, () => call('POST', '/ingest', hearts));
    expect(await ingest({ agentId }, chunk('Faces', '😀'.repeat(500)))).toMatchObject({ stored: 1 });
  });

  it('reads bodies of up to 4 MiB there and of 1 MiB elsewhere', async () => {
    const large = {
      agentId,
      chunks: Array.from({ length: 100 }, (_v, n) =>
        chunk(`${n} ${'𝄞'.repeat(1_900)}`, 's', { pad: 'x'.repeat(8_000) }),
      ),
    };
    expect(Buffer.byteLength(JSON.stringify(large))).toBeGreaterThan(1_200_000);
    expect((await call('POST', '/ingest', large)).status).toBe(200);
    const body = { agentId, chunks: [], pad: 'x'.repeat(4 * 1024 * 1024) };
    await refused(413, 'payload_too_large', /./, () => call('POST', '/ingest', body));
    const elsewhere = { name: 'x', secrets: {}, soulMd: 'x'.repeat(1024 * 1024) };
    expect((await api.request('POST', '/v1/agents', { apiKey: org.apiKey, body: elsewhere })).status).toBe(413);
  });

  it('stores nothing while the embedder is down', async () => {
    embeddings.isDown = true;
    try {
      await refused(503, 'service_unavailable', /embeddings/, () =>
        call('POST', '/ingest', { agentId, chunks: [chunk('Never stored')] }),
      );
    } finally {
      embeddings.isDown = false;
    }
    expect(await ingest({ agentId }, chunk('Never stored'))).toMatchObject({ stored: 1 });
  });

  const wrong: [string, () => object, RegExp][] = [
    ['101 chunks', () => ({ agentId, chunks: Array.from({ length: 101 }, (_v, n) => chunk(`t${n}`)) }), /chunks.*100/],
    ['no chunks', () => ({ agentId, chunks: [] }), /chunks/],
    ['chunks left out', () => ({ agentId }), /chunks/],
    ['chunks that are text', () => ({ agentId, chunks: 'x' }), /chunks/],
    ['a chunk that is text', () => ({ agentId, chunks: ['x'] }), /chunks/],
    [
      '4,001 characters',
      () => ({ agentId, chunks: [chunk('Fine'), chunk('x'.repeat(4_001))] }),
      /chunks\.1\.text.*4000/,
    ],
    ['an empty text', () => ({ agentId, chunks: [chunk('')] }), /text/],
    ['a blank text', () => ({ agentId, chunks: [chunk(' \n')] }), /text/],
    ['no source', () => ({ agentId, chunks: [{ text: 'x' }] }), /source/],
    ['a long source', () => ({ agentId, chunks: [chunk('x', 's'.repeat(501))] }), /source/],
    ['NUL in the text', () => ({ agentId, chunks: [chunk('a\0b')] }), /text.*NUL/],
    ['NUL in the source', () => ({ agentId, chunks: [chunk('x', 'a\0')] }), /source.*NUL/],
    ['NUL in the metadata', () => ({ agentId, chunks: [chunk('x', 's', { a: 'b\0' })] }), /metadata.*NUL/],
    ['half a character', () => ({ agentId, chunks: [chunk('a\ud800')] }), /text/],
    ['metadata that is a list', () => ({ agentId, chunks: [{ ...chunk('x'), metadata: [] }] }), /metadata/],
    [
      'metadata that is too large',
      () => ({ agentId, chunks: [chunk('x', 's', { a: 'x'.repeat(9_000) })] }),
      /metadata/,
    ],
    ['both swarmId and agentId', () => ({ agentId, swarmId, chunks: [chunk('x')] }), /exactly one/],
    ['neither swarmId nor agentId', () => ({ chunks: [chunk('x')] }), /exactly one/],
    ['an agentId that is none', () => ({ agentId: 'x', chunks: [chunk('x')] }), /agentId/],
  ];
  it.each(wrong)('refuses %s and stores nothing', async (_case, body, message) => {
    await refused(400, 'validation_error', message, () => call('POST', '/ingest', body()));
  });

  it('finds no agent or swarm that is not there, is deleted or belongs to others', async () => {
    const other = await api.organisation();
    const body = { chunks: [chunk('x')] };
    const theirs = { agent: await insertAgent(other.orgId), swarm: await insertSwarm(other.orgId) };
    for (const id of [newId(), theirs.agent]) {
      await refused(404, 'not_found', /Agent/, () => call('POST', '/ingest', { ...body, agentId: id }));
    }
    for (const id of [newId(), theirs.swarm]) {
      await refused(404, 'not_found', /Swarm/, () => call('POST', '/ingest', { ...body, swarmId: id }));
    }
    await api.db.database.query(`UPDATE agents SET desired_state = 'deleted' WHERE id = $1`, [agentId]);
    await refused(404, 'not_found', /Agent/, () => call('POST', '/ingest', { ...body, agentId }));
    await refused(404, 'not_found', /Agent/, () => call('GET', `?agentId=${agentId}`));
  });
});

describe('the list', () => {
  const walk = async (query: string, between: (page: number) => Promise<unknown>): Promise<string[]> => {
    const seen: string[] = [];
    for (let offset = '', page = 0; ; page += 1) {
      const { body } = await call('GET', `?${query}&limit=3${offset}`);
      const { data, pagination } = body as {
        data: Entry[];
        pagination: { nextOffset: string | null; hasMore: boolean };
      };
      seen.push(...data.map(({ text }) => text));
      expect(pagination.hasMore).toBe(pagination.nextOffset !== null);
      if (pagination.nextOffset === null) return seen;
      offset = `&offset=${encodeURIComponent(pagination.nextOffset)}`;
      await between(page);
    }
  };

  it('neither repeats nor skips while others add and delete', async () => {
    const first = Array.from({ length: 10 }, (_v, n) => `alpha${n} beta${n} gamma${n}`);
    await ingest({ agentId }, ...first.map((text) => chunk(text)));
    const seen = await walk(`agentId=${agentId}`, async (page) => {
      if (page < 3) await ingest({ agentId }, chunk(`later${page} still${page}`));
      const [gone] = await entries(`agentId=${agentId}&limit=1`);
      if (gone) await call('DELETE', `?agentId=${agentId}&id=${gone.id}`);
    });
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(first));
    expect(seen).toEqual([...first, ...[0, 1, 2].map((page) => `later${page} still${page}`)]);
  });

  it('neither repeats nor skips while many write at once', async () => {
    await ingest({ agentId }, ...Array.from({ length: 12 }, (_v, n) => chunk(`base${n} one${n} two${n}`)));
    let writing: Promise<unknown> = Promise.resolve();
    const seen = await walk(`agentId=${agentId}`, (page) => {
      if (page > 6) return writing;
      writing = Promise.all([
        writing,
        ...[0, 1, 2].map((n) => ingest({ agentId }, chunk(`p${page}x${n} y${page}z${n}`))),
      ]);
      return page < 4 ? Promise.resolve() : writing;
    });
    await writing;
    expect(new Set(seen).size).toBe(seen.length);
    const all = new Set(await texts(`agentId=${agentId}&limit=100`));
    expect(seen.filter((text) => !all.has(text))).toEqual([]);
    expect(seen.filter((text) => text.startsWith('base'))).toHaveLength(12);
  });

  it('shows one source and lowers limit to 100', async () => {
    await ingest({ agentId }, chunk('From one', 'one.md'), chunk('From two', 'two.md'));
    expect(await texts(`agentId=${agentId}&source=two.md`)).toEqual(['From two']);
    expect(await texts(`agentId=${agentId}&source=three.md&limit=1000`)).toEqual([]);
  });

  it('refuses cursors of other lists and wrong numbers', async () => {
    const other = await api.organisation();
    const theirAgent = await insertAgent(other.orgId);
    const body = { agentId: theirAgent, chunks: [chunk('Their one'), chunk('Their other thing')] };
    await call('POST', '/ingest', body, other);
    const theirs = await call('GET', `?agentId=${theirAgent}&limit=1`, undefined, other);
    const { nextOffset } = (theirs.body as { pagination: { nextOffset: string } }).pagination;
    for (const stored of [false, true]) {
      if (stored) await ingest({ agentId }, chunk('Mine'));
      for (const offset of [nextOffset, 'nonsense', newId(), '%00', 'x'.repeat(300)]) {
        await refused(400, 'validation_error', /offset/, () => call('GET', `?agentId=${agentId}&offset=${offset}`));
      }
    }
    await refused(400, 'validation_error', /limit/, () => call('GET', `?agentId=${agentId}&limit=0`));
    await refused(400, 'validation_error', /limit/, () => call('GET', `?agentId=${agentId}&limit=x`));
    await refused(400, 'validation_error', /exactly one/, () => call('GET', ''));
    await refused(400, 'validation_error', /exactly one/, () => call('GET', `?agentId=${agentId}&swarmId=${swarmId}`));
    await refused(404, 'not_found', /Agent/, () => call('GET', `?agentId=${theirAgent}`));
  });
});

describe('deleting', () => {
  beforeEach(async () => {
    await ingest(
      { agentId },
      chunk('First of one', 'one.md'),
      chunk('Second of one', 'one.md'),
      chunk('Two', 'two.md'),
    );
  });

  it('takes a source, an entry, or with confirmation all', async () => {
    expect((await call('DELETE', `?agentId=${agentId}&source=one.md`)).body).toEqual({
      data: { deleted: true, count: 2 },
    });
    expect((await call('DELETE', `?agentId=${agentId}&source=one.md`)).body).toEqual({
      data: { deleted: true, count: 0 },
    });
    expect(await texts(`agentId=${agentId}`)).toEqual(['Two']);
    const [left] = await entries(`agentId=${agentId}`);
    expect((await call('DELETE', `?agentId=${agentId}&id=${left?.id}`)).body).toEqual({
      data: { deleted: true, count: 1 },
    });
    await refused(404, 'not_found', /entry/, () => call('DELETE', `?agentId=${agentId}&id=${left?.id}`));
    await ingest({ agentId }, chunk('Back again'), chunk('And another'));
    expect((await call('DELETE', `?agentId=${agentId}&all=true&confirm=true`)).body).toEqual({
      data: { deleted: true, count: 2 },
    });
    expect(await texts(`agentId=${agentId}`)).toEqual([]);
  });

  it('means gone from the index too', async () => {
    const hits = async (): Promise<string[]> => {
      const { body } = await call('GET', `/search?agentId=${agentId}&q=${encodeURIComponent('second of one')}`);
      return (body as { data: Entry[] }).data.map(({ text }) => text);
    };
    expect((await hits())[0]).toBe('Second of one');
    await call('DELETE', `?agentId=${agentId}&source=one.md`);
    expect(await hits()).toEqual(['Two']);
    expect(await ingest({ agentId }, chunk('Second of one'))).toMatchObject({ stored: 1 });
    expect((await hits())[0]).toBe('Second of one');
  });

  it.each<[string, string, RegExp]>([
    ['all without confirm', 'all=true', /confirm/],
    ['all with confirm=false', 'all=true&confirm=false', /confirm/],
    ['confirm=yes', 'all=true&confirm=yes', /confirm/],
    ['nothing', '', /exactly one/],
    ['confirm alone', 'confirm=true', /exactly one/],
    ['all=false', 'all=false&confirm=true', /exactly one/],
    ['source and all', 'source=one.md&all=true&confirm=true', /exactly one/],
    ['source and id', `source=one.md&id=${newId()}`, /exactly one/],
    ['an empty source', 'source=', /source/],
  ])('refuses %s and deletes nothing', async (_case, query, message) => {
    await refused(400, 'validation_error', message, () => call('DELETE', `?agentId=${agentId}&${query}`));
  });

  it('finds no entry of others', async () => {
    const other = await api.organisation();
    const theirAgent = await insertAgent(other.orgId);
    const [mine] = await entries(`agentId=${agentId}`);
    await refused(404, 'not_found', /entry/, () =>
      call('DELETE', `?agentId=${theirAgent}&id=${mine?.id}`, undefined, other),
    );
    await refused(404, 'not_found', /Agent/, () =>
      call('DELETE', `?agentId=${agentId}&id=${mine?.id}`, undefined, other),
    );
    await refused(404, 'not_found', /entry/, () => call('DELETE', `?agentId=${agentId}&id=nonsense`));
    const lone = await insertAgent(org.orgId);
    await refused(404, 'not_found', /entry/, () => call('DELETE', `?agentId=${lone}&id=${mine?.id}`));
  });

  it('of a swarm takes its knowledge along', async () => {
    await ingest({ swarmId }, chunk('Known to the swarm'));
    expect((await api.request('DELETE', `/v1/swarms/${swarmId}`, { apiKey: org.apiKey })).status).toBe(200);
    const sql = 'SELECT 1 FROM knowledge_bases WHERE swarm_id = $1';
    expect(await api.db.database.query(sql, [swarmId])).toEqual([]);
  });
});

describe('search', () => {
  beforeEach(async () => {
    await ingest(
      { agentId },
      chunk('Reset your password on the login page', 'help.md', { type: 'faq', lang: 'en' }),
      chunk('The weather in Rome is fine', 'travel.md', { lang: 'en' }),
      chunk('Invoices are sent on the first day of a month', 'billing.md', { type: 'faq', lang: 'de' }),
    );
  });

  const search = (query: string): Promise<ApiAnswer> => call('GET', `/search?agentId=${agentId}&${query}`);
  const sources = async (query: string): Promise<string[]> =>
    ((await search(query)).body as { data: Entry[] }).data.map(({ source }) => source);

  it('answers hits with what is needed to cite them, best first', async () => {
    const { body } = await search(`q=${encodeURIComponent('password reset')}`);
    const { data } = body as { data: Entry[] };
    expect(data[0]).toEqual({
      id: uuid,
      text: 'Reset your password on the login page',
      source: 'help.md',
      type: 'faq',
      createdAt: iso,
      updatedAt: iso,
      metadata: { type: 'faq', lang: 'en' },
      score: expect.any(Number),
      similarity: expect.any(Number),
    });
  });

  it('finds by the stem of a word too', async () => {
    expect((await sources('q=invoice'))[0]).toBe('billing.md');
  });

  it('filters before it ranks', async () => {
    expect(await sources('q=password&source=travel.md')).toEqual(['travel.md']);
    expect((await sources('q=password&type=faq')).sort()).toEqual(['billing.md', 'help.md']);
    expect(await sources(`q=password&metadata=${encodeURIComponent('{"lang":"de"}')}`)).toEqual(['billing.md']);
    expect(await sources('q=password&limit=1')).toHaveLength(1);
    expect(await sources('q=password&source=none.md')).toEqual([]);
  });

  it('goes by words alone while the embedder is down', async () => {
    embeddings.isDown = true;
    try {
      const { body } = await search('q=weather');
      expect((body as { data: unknown[] }).data).toMatchObject([{ source: 'travel.md', similarity: null }]);
    } finally {
      embeddings.isDown = false;
    }
  });

  it.each<[string, RegExp]>([
    ['', /q/],
    ['q=', /q/],
    ['q=%20', /q/],
    ['q=a%00b', /q.*NUL/],
    [`q=${'x'.repeat(2_001)}`, /q/],
    ['q=x&metadata=nonsense', /metadata/],
    ['q=x&metadata=[1]', /metadata/],
    ['q=x&limit=0', /limit/],
  ])('refuses %j', async (query, message) => {
    await refused(400, 'validation_error', message, () => search(query));
  });

  it('takes words that mean something to Postgres as words', async () => {
    for (const q of ["it's | & ! ( ) <-> :*", '"unbalanced', 'http://a/b?x=1&y=2', "'; DROP TABLE agents; --"]) {
      expect([q, (await search(`q=${encodeURIComponent(q)}`)).status]).toEqual([q, 200]);
    }
  });
});
