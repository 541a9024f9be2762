import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type EmbeddingServer, drawn, embeddingServer, encryptedPdf, eventually, pdf } from '#libs/testing';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, type Data, agentoClient, iso, uuid } from './agento-client.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

const TABLES = ['knowledge_files', 'knowledge_bases', 'knowledge_chunks', 'knowledge_embeddings'];
const MEGABYTE = 1024 * 1024;

let embeddings: EmbeddingServer;
let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;
let client: AgentoClient;
let agentId: string;

beforeAll(async () => {
  embeddings = await embeddingServer();
  api = await startApi({ embeddings: { url: embeddings.url, model: 'words', apiKey: undefined } });
  fleet = await startFleet(api, { EMBEDDINGS_URL: embeddings.url, EMBEDDINGS_MODEL: 'words', LOG_LEVEL: 'fatal' });
  org = await api.organisation();
  client = agentoClient(api, org, TABLES);
}, 60_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
  await embeddings?.stop();
});
beforeEach(async () => {
  agentId = await client.insertAgent();
});

const base64 = (content: string | Uint8Array): string => Buffer.from(content).toString('base64');

const body = (name: string, content: string | Uint8Array, more: object = {}): object => ({
  agentId,
  name,
  content: base64(content),
  ...more,
});

const upload = async (name: string, content: string | Uint8Array, more: object = {}): Promise<string> =>
  String((await client.data('POST', '/knowledge/files', body(name, content, more))).id);

const settled = (id: string): Promise<Data> =>
  eventually(
    async () => {
      const file = await client.data('GET', `/knowledge/files/${id}`);
      return ['completed', 'failed'].includes(String(file.status)) ? file : undefined;
    },
    { timeoutMs: 50_000 },
  );

const entries = async (of = agentId): Promise<Data[]> =>
  ((await client.call('GET', `/knowledge?agentId=${of}&limit=100`)).body as { data: Data[] }).data;

const list = async (query = `agentId=${agentId}`): Promise<{ data: Data[]; pagination: unknown }> =>
  (await client.call('GET', `/knowledge/files?${query}`)).body as { data: Data[]; pagination: unknown };

/** Texts that no two of are duplicates. */
const paragraphs = (count: number): string =>
  Array.from(
    { length: count },
    (_v, n) => `Fact${n} ${randomBytes(60).toString('hex').match(/.{8}/g)!.join(' ')}`,
  ).join('\n\n');

describe('a file', () => {
  it('waits when it is handed over, and is loaded in the background', async () => {
    const content = '# Help\n\nReset your password on the login page.\n\n# Prices\n\nPro costs nine dollars.';
    const sent = body('docs/help.md', content, { metadata: { type: 'manual', lang: 'en' } });
    const answer = await client.call('POST', '/knowledge/files', sent);
    expect([answer.status, answer.body]).toEqual([
      202,
      {
        data: {
          id: uuid,
          swarmId: null,
          agentId,
          name: 'docs/help.md',
          format: 'md',
          sizeBytes: content.length,
          status: 'queued',
          progress: { done: 0, total: null, stored: 0, skipped: 0 },
          error: null,
          createdAt: iso,
          startedAt: null,
          finishedAt: null,
        },
      },
    ]);
    const file = (answer.body as { data: Data }).data;
    expect(await settled(String(file.id))).toEqual({
      ...file,
      status: 'completed',
      progress: { done: 2, total: 2, stored: 2, skipped: 0 },
      startedAt: iso,
      finishedAt: iso,
    });
    expect(await entries()).toMatchObject([
      { text: '# Help\n\nReset your password on the login page.', source: 'docs/help.md', type: 'manual' },
      { text: '# Prices\n\nPro costs nine dollars.', source: 'docs/help.md', type: 'manual' },
    ]);
    const { body: found } = await client.call('GET', `/knowledge/search?agentId=${agentId}&q=reset%20password&limit=1`);
    expect(found).toMatchObject({ data: [{ metadata: { type: 'manual', lang: 'en', heading: 'Help' } }] });
    const kept = 'SELECT content FROM knowledge_files WHERE id = $1';
    expect(await api.db.database.query(kept, [file.id])).toEqual([{ content: null }]);
  });

  it.each<[string, string | Uint8Array, string, object]>([
    ['notes.txt', 'Plain words', 'Plain words', {}],
    ['faq.csv', 'question,answer\nHow?,So.', 'question: How?\nanswer: So.', { firstRow: 2, lastRow: 2 }],
    ['faq.json', '[{"question":"How?"}]', 'question: How?', { firstItem: 1, lastItem: 1 }],
    ['page.html', '<title>Page</title><p>Seen &amp; read</p>', 'Seen & read', { title: 'Page' }],
    ['paper.pdf', pdf([drawn([700, 'On the first page'])]), 'On the first page', { page: 1 }],
  ])('like %s becomes text that says where it stands', async (name, content, text, place) => {
    expect(await settled(await upload(name, content))).toMatchObject({ status: 'completed', error: null });
    const { body: found } = await client.call(
      'GET',
      `/knowledge/search?agentId=${agentId}&q=${encodeURIComponent(text)}`,
    );
    expect(found).toMatchObject({ data: [{ text, source: name, metadata: place }] });
  });

  it('is what format and charset say, where its name does not', async () => {
    const latin = new Uint8Array(Buffer.from('Grüße aus Köln', 'latin1'));
    const id = await upload('LIESMICH', latin, { format: 'txt', charset: 'iso-8859-1', chunkSize: 200 });
    expect(await settled(id)).toMatchObject({ status: 'completed', format: 'txt' });
    expect(await entries()).toMatchObject([{ text: 'Grüße aus Köln', source: 'LIESMICH', type: 'article' }]);
  });

  it('skips what is known, and shows how far it is', async () => {
    const content = paragraphs(230);
    const id = await upload('facts.txt', content, { chunkSize: 200 });
    embeddings.delayMs = 300;
    await eventually(async () => {
      const { status, progress } = await client.data('GET', `/knowledge/files/${id}`);
      return status === 'loading' && (progress as Data).total === 230;
    });
    embeddings.delayMs = 0;
    const done = { done: 230, total: 230 };
    expect(await settled(id)).toMatchObject({ progress: { ...done, stored: 230, skipped: 0 } });
    const again = await settled(await upload('again.txt', content, { chunkSize: 200 }));
    expect(again).toMatchObject({ status: 'completed', progress: { ...done, stored: 0, skipped: 230 } });
  });

  it('of a swarm is known to its agents', async () => {
    const swarm = await client.data('POST', '/swarms', { name: 'Support' });
    const member = await client.insertAgent({ swarmId: String(swarm.id) });
    const id = await upload('swarm.txt', 'Known to the swarm', { agentId: undefined, swarmId: swarm.id });
    expect(await settled(id)).toMatchObject({ swarmId: swarm.id, agentId: null, status: 'completed' });
    expect(await entries(member)).toMatchObject([{ text: 'Known to the swarm' }]);
    expect((await list(`agentId=${member}`)).data).toMatchObject([{ id }]);
    await client.data('DELETE', `/swarms/${String(swarm.id)}`);
    await client.refused(404, 'not_found', ['GET', `/knowledge/files/${id}`], /file/);
  });

  it('is handed over once, however often the request is repeated', async () => {
    const headers = { 'idempotency-key': newId() };
    const send = (content: string): Promise<{ status: number; body: unknown }> =>
      api.request('POST', '/v1/knowledge/files', { apiKey: org.apiKey, headers, body: body('once.txt', content) });
    const [first, second] = [await send('Once'), await send('Once')];
    expect([first.status, second.status, second.body]).toEqual([202, 202, first.body]);
    expect((await list()).pagination).toEqual({ total: 1, limit: 50, offset: 0 });
    expect((await send('Twice')).status).toBe(422);
  });

  it('waits for the embedder and says so', async () => {
    embeddings.isDown = true;
    const id = await upload('later.txt', 'Stored later');
    try {
      await eventually(async () => {
        const { status, error } = await client.data('GET', `/knowledge/files/${id}`);
        return status === 'queued' && (error as Data | null)?.code === 'embedder_unavailable';
      });
      expect(await entries()).toEqual([]);
    } finally {
      embeddings.isDown = false;
    }
    expect(await settled(id)).toMatchObject({ status: 'completed', error: null });
  });
});

describe('a file that can not be loaded', () => {
  const broken: [string, string, () => string | Uint8Array, string, RegExp][] = [
    ['encrypted', 'a.pdf', () => encryptedPdf(), 'file_encrypted', /encrypted/],
    ['a bomb', 'a.pdf', () => pdf([deflateSync(Buffer.alloc(40 * MEGABYTE, 32))]), 'file_too_complex', /unpacks/],
    ['a broken PDF', 'a.pdf', () => '%PDF-1.7 and no more', 'file_broken', /no PDF/],
    ['pages of pictures', 'a.pdf', () => pdf([deflateSync('0 0 9 9 re f')]), 'file_without_text', /no text/],
    ['another encoding', 'a.txt', () => Buffer.from('Grüße', 'latin1'), 'file_encoding', /utf-8/],
    ['a program', 'a.md', () => Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1]), 'file_encoding', /no text/],
    ['broken JSON', 'a.json', () => '{"a":', 'file_broken', /no JSON/],
    ['deep JSON', 'a.json', () => '['.repeat(99) + ']'.repeat(99), 'file_too_complex', /deeper/],
    ['broken CSV', 'a.csv', () => 'a,b\n"x', 'file_broken', /no CSV/],
    ['blank', 'a.html', () => '<p> </p>', 'file_without_text', /no text/],
    ['endless', 'a.txt', () => 'word '.repeat(500_000), 'file_too_large', /pieces/],
  ];
  it.each(broken)(
    'because it is %s says why and leaves nothing',
    async (_case, name, content, code, message) => {
      const id = await upload(name, content(), { chunkSize: 200 });
      expect(await settled(id)).toMatchObject({
        status: 'failed',
        error: { code, message: expect.stringMatching(message) },
        progress: { done: 0, stored: 0 },
        finishedAt: iso,
      });
      expect(await entries()).toEqual([]);
      expect((await list()).data).toMatchObject([{ id, status: 'failed' }]);
      const kept = 'SELECT content FROM knowledge_files WHERE id = $1';
      expect(await api.db.database.query(kept, [id])).toEqual([{ content: null }]);
    },
    60_000,
  );

  const wrong: [string, () => object, RegExp][] = [
    ['no name', () => ({ agentId, content: 'eA==' }), /name/],
    ['a blank name', () => body(' ', 'x', { format: 'txt' }), /name/],
    ['a long name', () => body(`${'n'.repeat(500)}.md`, 'x'), /name/],
    ['control characters in the name', () => body('a\nb.md', 'x'), /name.*control/],
    ['NUL in the name', () => body('a\0.md', 'x'), /name.*NUL/],
    ['a name that says nothing', () => body('a.exe', 'x'), /name must end in .*pdf/],
    ['an unknown format', () => body('a.md', 'x', { format: 'exe' }), /format/],
    ['an unknown charset', () => body('a.md', 'x', { charset: 'klingon' }), /charset/],
    ['no content', () => ({ agentId, name: 'a.md' }), /content/],
    ['an empty file', () => body('a.md', ''), /content/],
    ['content that is no base64', () => ({ agentId, name: 'a.md', content: 'nö' }), /content/],
    ['a PDF that is none', () => body('a.pdf', 'Hello'), /content is no PDF/],
    ['pieces that are too small', () => body('a.md', 'x', { chunkSize: 199 }), /chunkSize/],
    ['pieces that are too large', () => body('a.md', 'x', { chunkSize: 4_001 }), /chunkSize/],
    ['metadata that is a list', () => body('a.md', 'x', { metadata: [] }), /metadata/],
    ['metadata that is too large', () => body('a.md', 'x', { metadata: { a: 'x'.repeat(5_000) } }), /metadata/],
    ['both swarmId and agentId', () => body('a.md', 'x', { swarmId: newId() }), /exactly one/],
    ['neither swarmId nor agentId', () => body('a.md', 'x', { agentId: undefined }), /exactly one/],
  ];
  it.each(wrong)('is refused with %s', async (_case, sent, message) => {
    await client.refused(400, 'validation_error', ['POST', '/knowledge/files', sent()], message);
  });

  it('is refused when it is too large', async () => {
    const large = Buffer.alloc(10 * MEGABYTE + 1, 'x');
    await client.refused(413, 'payload_too_large', ['POST', '/knowledge/files', body('a.txt', large)], /10485760/);
    const larger = Buffer.alloc(11 * MEGABYTE, 'x');
    await client.refused(413, 'payload_too_large', ['POST', '/knowledge/files', body('a.txt', larger)]);
  });

  it('is refused while a hundred wait', async () => {
    const id = await upload('first.txt', 'The first');
    await settled(id);
    await api.db.database.query(
      `INSERT INTO knowledge_files (id, org_id, base_id, name, format, chunk_size, metadata, size_bytes, created_by, next_attempt_at)
       SELECT gen_random_uuid(), org_id, base_id, 'waits', 'txt', 200, '{}', 1, 'x', 'infinity'
         FROM knowledge_files, generate_series(1, 100) WHERE id = $1`,
      [id],
    );
    const refusal = await client.refused(429, 'rate_limited', ['POST', '/knowledge/files', body('a.txt', 'x')], /100/);
    expect(refusal.headers.get('retry-after')).toBe('30');
    expect(await client.data('DELETE', `/knowledge?agentId=${agentId}&source=waits`)).toMatchObject({ count: 0 });
    await settled(await upload('next.txt', 'The next'));
  });
});

describe('files', () => {
  it('are listed newest first, a page at a time', async () => {
    const ids: string[] = [];
    for (const n of [1, 2, 3]) ids.unshift(await upload(`${n}.txt`, `Text number ${n}`));
    for (const id of ids) await settled(id);
    const { data, pagination } = await list();
    expect(data.map(({ id }) => id)).toEqual(ids);
    expect(pagination).toEqual({ total: 3, limit: 50, offset: 0 });
    const page = await list(`agentId=${agentId}&limit=1&offset=1`);
    expect([page.data.map(({ id }) => id), page.pagination]).toEqual([[ids[1]], { total: 3, limit: 1, offset: 1 }]);
    expect((await list(`agentId=${agentId}&limit=1000`)).pagination).toEqual({ total: 3, limit: 100, offset: 0 });
    expect(await list(`agentId=${await client.insertAgent()}`)).toEqual({
      data: [],
      pagination: { total: 0, limit: 50, offset: 0 },
    });
    await client.refused(400, 'validation_error', ['GET', '/knowledge/files'], /exactly one/);
    for (const query of ['limit=0', 'limit=x', 'offset=-1']) {
      await client.refused(
        400,
        'validation_error',
        ['GET', `/knowledge/files?agentId=${agentId}&${query}`],
        /limit|offset/,
      );
    }
  });

  it('are deleted with what came of them and with nothing else', async () => {
    const [one, two] = [await upload('one.txt', 'First words'), await upload('two.txt', 'Second thing')];
    await settled(one);
    await settled(two);
    expect(await client.data('DELETE', `/knowledge/files/${one}`)).toEqual({ id: one, deleted: true, count: 1 });
    expect(await entries()).toMatchObject([{ source: 'two.txt' }]);
    await client.refused(404, 'not_found', ['DELETE', `/knowledge/files/${one}`], /file/);
    await client.refused(404, 'not_found', ['GET', `/knowledge/files/${one}`], /file/);
    const { body: found } = await client.call('GET', `/knowledge/search?agentId=${agentId}&q=first%20words`);
    expect((found as { data: Data[] }).data.map(({ source }) => source)).toEqual(['two.txt']);
  });

  it('go with their source, and all of them with everything', async () => {
    const ids = [await upload('one.txt', 'First words'), await upload('two.txt', 'Second thing')];
    for (const id of ids) await settled(id);
    expect(await client.data('DELETE', `/knowledge?agentId=${agentId}&source=one.txt`)).toMatchObject({ count: 1 });
    expect((await list()).data).toMatchObject([{ id: ids[1] }]);
    expect(await client.data('DELETE', `/knowledge?agentId=${agentId}&all=true&confirm=true`)).toMatchObject({
      count: 1,
    });
    expect((await list()).data).toEqual([]);
  });

  it('stop loading when they are deleted', async () => {
    embeddings.delayMs = 200;
    try {
      const id = await upload('long.txt', paragraphs(1_000), { chunkSize: 200 });
      await eventually(async () => (await entries()).length > 0, { timeoutMs: 20_000 });
      const { count } = await client.data('DELETE', `/knowledge/files/${id}`);
      expect(count).toBeGreaterThanOrEqual(100);
      expect(count).toBeLessThan(1_000);
      const next = await upload('next.txt', 'Loaded after it');
      await settled(next);
      expect(await entries()).toMatchObject([{ source: 'next.txt' }]);
    } finally {
      embeddings.delayMs = 0;
    }
  });

  it('of others are not there', async () => {
    const other = await api.organisation();
    const strange = agentoClient(api, other, TABLES);
    const id = await upload('mine.txt', 'Mine');
    await settled(id);
    for (const method of ['GET', 'DELETE']) {
      await strange.refused(404, 'not_found', [method, `/knowledge/files/${id}`], /file/);
      await client.refused(404, 'not_found', [method, '/knowledge/files/nonsense'], /file/);
      await client.refused(404, 'not_found', [method, `/knowledge/files/${newId()}`], /file/);
    }
    await strange.refused(404, 'not_found', ['POST', '/knowledge/files', body('a.txt', 'x')], /Agent/);
    await strange.refused(404, 'not_found', ['GET', `/knowledge/files?agentId=${agentId}`], /Agent/);
    await api.db.database.query(`UPDATE agents SET desired_state = 'deleted' WHERE id = $1`, [agentId]);
    await client.refused(404, 'not_found', ['GET', `/knowledge/files/${id}`], /file/);
  });
});
