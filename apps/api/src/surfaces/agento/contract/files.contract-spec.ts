import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ApiAnswer, type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, type Data, agentoClient, iso } from './agento-client.js';

const TABLES = ['agents', 'agent_files', 'agent_file_versions', 'events', 'outbox'];
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let api: ApiFixture;
let client: AgentoClient;
let id: string;

const call = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
  client.call(method, `/agents/${id}${path}`, body);
const data = (method: string, path: string, body?: unknown): Promise<Data> =>
  client.data(method, `/agents/${id}${path}`, body);

/** With the files it was made with. */
const insertAgent = (status: 'running' | 'stopped'): Promise<string> =>
  client.insertAgent({
    status,
    files: {
      'SOUL.md': '# Soul',
      'IDENTITY.md': '# Identity',
      'WORKFLOW.md': '# Workflow',
      'rules/example-new-request.md': '# Example',
    },
  });

beforeAll(async () => {
  api = await startApi();
  client = agentoClient(api, await api.organisation(), TABLES);
});
afterAll(() => api?.close());
beforeEach(async () => {
  id = await insertAgent('running');
});

describe('personality', () => {
  it('answers exactly the documented fields', async () => {
    expect(await data('GET', '/personality')).toEqual({
      soulMd: '# Soul',
      identityMd: '# Identity',
      soulMdHash: sha256('# Soul'),
      soulMdUpdatedAt: iso,
    });
  });

  it('is replaced; the new hash is the SHA-256 of the exact UTF-8 text', async () => {
    const soulMd = '# Soul\r\n\r\nGrüße, 🐦  \n';
    const before = await data('GET', '/personality');
    const written = await data('PUT', '/personality', { soulMd, expectedHash: before.soulMdHash });
    expect(written).toEqual({ soulMd, soulMdHash: sha256(soulMd), soulMdUpdatedAt: iso, needsRestart: true });
    expect(await data('GET', '/personality')).toMatchObject({ soulMd, soulMdHash: sha256(soulMd) });
    expect(await data('GET', '')).toMatchObject({ needsRestart: true });
  });

  it('is replaced without a hash too, and a stopped agent is not flagged', async () => {
    id = await insertAgent('stopped');
    expect(await data('PUT', '/personality', { soulMd: '' })).toMatchObject({ soulMd: '', needsRestart: false });
    expect(await data('GET', '')).toMatchObject({ needsRestart: false });
  });

  it('refuses a stale hash with 409 and leaves the text as it was', async () => {
    await data('PUT', '/personality', { soulMd: 'theirs' });
    const mine = { soulMd: 'mine', expectedHash: sha256('# Soul') };
    await client.refused(409, 'conflict', () => call('PUT', '/personality', mine), /read it again/);
    expect(await data('GET', '/personality')).toMatchObject({ soulMd: 'theirs', soulMdHash: sha256('theirs') });
  });

  it('lists what it said before and goes back to it', async () => {
    await data('PUT', '/personality', { soulMd: 'second' });
    const listed = await call('GET', '/personality/versions');
    expect(listed.body).toEqual({
      data: [
        {
          version: 2,
          soulMdHash: sha256('second'),
          size: 6,
          updatedAt: iso,
          updatedBy: expect.stringMatching(/^key:/),
          isCurrent: true,
        },
        { version: 1, soulMdHash: sha256('# Soul'), size: 6, updatedAt: iso, updatedBy: null, isCurrent: false },
      ],
      pagination: { total: 2, limit: 2, offset: 0 },
    });
    expect(await data('GET', '/personality/versions/1')).toEqual({
      version: 1,
      soulMd: '# Soul',
      soulMdHash: sha256('# Soul'),
      soulMdUpdatedAt: iso,
    });
    const stale = { expectedHash: sha256('# Soul') };
    await client.refused(409, 'conflict', () => call('POST', '/personality/versions/1/restore', stale));
    expect(await data('POST', '/personality/versions/1/restore')).toEqual({
      soulMd: '# Soul',
      soulMdHash: sha256('# Soul'),
      soulMdUpdatedAt: iso,
      needsRestart: true,
    });
    for (const version of ['0', '9', 'x', '1.5', '-1', '99999999999', '%00']) {
      await client.refused(404, 'not_found', () => call('GET', `/personality/versions/${version}`));
      await client.refused(404, 'not_found', () => call('POST', `/personality/versions/${version}/restore`));
    }
  });

  it.each<[string, object, RegExp]>([
    ['no text', {}, /soulMd/],
    ['null', { soulMd: null }, /soulMd/],
    ['a number', { soulMd: 7 }, /soulMd/],
    ['a list', { soulMd: ['a'] }, /soulMd/],
    ['a hash that is a number', { soulMd: 'x', expectedHash: 7 }, /expectedHash/],
    ['more than 65536 bytes', { soulMd: 'ä'.repeat(32_769) }, /soulMd must be at most 65536 bytes/],
    ['NUL', { soulMd: 'a\0b' }, /soulMd.*control/],
    ['the bytes of an image', { soulMd: '\u0089PNG\r\n\u001a\n' }, /soulMd.*control/],
    ['half of a surrogate pair', { soulMd: 'a\ud83d' }, /soulMd.*surrogate/],
  ])('refuses %s', async (_case, body, message) => {
    await client.refused(400, 'validation_error', () => call('PUT', '/personality', body), message);
  });

  it('refuses bytes that are no UTF-8, however they are sent', async () => {
    const bytes = Buffer.concat([Buffer.from('{"soulMd":"'), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from('"}')]);
    const headers = { 'content-type': 'application/json' };
    const sent = { apiKey: client.org.apiKey, body: bytes, headers };
    const whole = () => api.request('PUT', `/v1/agents/${id}/personality`, sent);
    await client.refused(400, 'validation_error', whole, /UTF-8/);
    await client.refused(400, 'validation_error', () => chunked(`/v1/agents/${id}/personality`, bytes), /UTF-8/);
  });
});

describe('workflow', () => {
  it('answers the text and the rule files, with .md', async () => {
    await data('PUT', '/rules/daily-review', { content: 'x' });
    expect(await data('GET', '/workflow')).toEqual({
      workflowMd: '# Workflow',
      rules: ['daily-review.md', 'example-new-request.md'],
    });
  });

  it('is replaced', async () => {
    const workflowMd = '# Workflow\n\n1. Tickets';
    expect(await data('PUT', '/workflow', { workflowMd })).toEqual({ workflowMd, needsRestart: true });
    expect(await data('GET', '/workflow')).toMatchObject({ workflowMd });
    expect(await data('GET', '')).toMatchObject({ workflowMd, needsRestart: true });
  });

  it('is only shown for running agents, but can be replaced for others', async () => {
    id = await insertAgent('stopped');
    await client.refused(409, 'agent_not_running', () => call('GET', '/workflow'));
    expect(await data('PUT', '/workflow', { workflowMd: 'x' })).toEqual({ workflowMd: 'x', needsRestart: false });
  });

  it.each<[string, object, RegExp]>([
    ['no text', {}, /workflowMd/],
    ['a number', { workflowMd: 7 }, /workflowMd/],
    ['more than 65536 bytes', { workflowMd: 'x'.repeat(65_537) }, /workflowMd.*65536/],
    ['NUL', { workflowMd: '\0' }, /workflowMd.*control/],
  ])('refuses %s', async (_case, body, message) => {
    await client.refused(400, 'validation_error', () => call('PUT', '/workflow', body), message);
  });
});

describe('rules', () => {
  it('are listed by name without .md, with their size in bytes', async () => {
    await data('PUT', '/rules/new-request', { content: 'äöü 🐦' });
    await data('PUT', '/rules/A_1', { content: '' });
    expect(await data('GET', '/rules')).toEqual({
      rules: [
        { name: 'A_1', size: 0 },
        { name: 'example-new-request', size: 9 },
        { name: 'new-request', size: 11 },
      ],
    });
  });

  it('are made, replaced, read and deleted', async () => {
    expect(await data('PUT', '/rules/new-request', { content: 'one' })).toEqual({
      name: 'new-request',
      needsRestart: true,
    });
    expect(await data('PUT', '/rules/new-request', { content: 'two' })).toMatchObject({ needsRestart: true });
    expect(await data('GET', '/rules/new-request')).toEqual({ name: 'new-request', content: 'two' });
    expect(await data('DELETE', '/rules/new-request')).toEqual({
      name: 'new-request',
      deleted: true,
      needsRestart: true,
    });
    await client.refused(404, 'not_found', () => call('GET', '/rules/new-request'), /Rule/);
    await client.refused(404, 'not_found', () => call('DELETE', '/rules/new-request'), /Rule/);
  });

  it('do not flag a stopped agent', async () => {
    id = await insertAgent('stopped');
    expect(await data('PUT', '/rules/a', { content: 'x' })).toEqual({ name: 'a', needsRestart: false });
    expect(await data('DELETE', '/rules/a')).toEqual({ name: 'a', deleted: true, needsRestart: false });
  });

  it.each(['../x', 'a/b', 'a\\b', '.hidden', 'a.md', 'a b', 'ä', 'a\0', '%2e%2e%2fx', '..%5Cx', 'x'.repeat(101)])(
    'refuse the name %j',
    async (name) => {
      const path = `/rules/${encodeURIComponent(name).replaceAll('.', '%2E')}`;
      await client.refused(400, 'validation_error', () => call('PUT', path, { content: 'x' }), /letters, digits/);
      await client.refused(400, 'validation_error', () => call('GET', path), /letters, digits/);
      await client.refused(400, 'validation_error', () => call('DELETE', path), /letters, digits/);
    },
  );

  it.each<[string, object, RegExp]>([
    ['no content', {}, /content/],
    ['content that is a number', { content: 7 }, /content/],
    ['more than 65536 bytes', { content: 'x'.repeat(65_537) }, /content.*65536/],
    ['binary content', { content: 'GIF89a\u0001\0' }, /content.*control/],
  ])('refuse %s', async (_case, body, message) => {
    await client.refused(400, 'validation_error', () => call('PUT', '/rules/a', body), message);
  });
});

/** A body without Content-Length: nothing but its bytes can give it away. */
const chunked = (path: string, bytes: Buffer): Promise<ApiAnswer> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'x-api-key': client.org.apiKey,
      'transfer-encoding': 'chunked',
    };
    const sent = httpRequest(new URL(path, api.url), { method: 'PUT', headers }, (response) => {
      text(response).then(
        (body) =>
          resolve({
            status: response.statusCode ?? 0,
            headers: new Headers(response.headers as Record<string, string>),
            body: JSON.parse(body) as unknown,
          }),
        reject,
      );
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
