import { randomBytes } from 'node:crypto';
import { access, chown, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TestS3, startS3 } from '../../../../../../libs/storage/src/testing/s3-server.js';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';
import { allEvents, textOf } from './events.js';

/** More than one part of what is held in memory. */
const LARGE_BYTES = 3 * 1024 * 1024;

interface Storage {
  open(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

const folder: Storage = { open: () => Promise.resolve({}), close: () => Promise.resolve() };

let s3: TestS3 | undefined;
const bucket: Storage = {
  open: async () => {
    s3 = await startS3();
    const { endpoint = '', bucket: name, region, accessKeyId = '', secretAccessKey = '' } = s3.settings;
    return {
      S3_BUCKET: name,
      S3_ENDPOINT: endpoint,
      S3_REGION: region,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    };
  },
  close: async () => s3?.stop(),
};

describe.each([
  ['a folder', folder],
  ['an S3-compatible store', bucket],
])('what an agent wrote, stored in %s', (_name, storage) => {
  let api: ApiFixture;
  let fleet: Fleet;
  let org: ApiOrganisation;
  let id: string;

  beforeAll(async () => {
    const variables = await storage.open();
    api = await startApi();
    fleet = await startFleet(api, variables);
    org = await api.organisation();
    const body = { name: 'Ada', config: { llmProvider: 'demo' } };
    const made = await api.request('POST', '/v1/agents', { apiKey: org.apiKey, body });
    id = (made.body as { data: { id: string } }).data.id;
  }, 90_000);
  afterAll(async () => {
    await fleet?.stop();
    await api?.close();
    await storage.close();
  }, 60_000);

  const home = (): string => join(fleet.dataDir, 'agents', id);
  const told = async (command: 'stop' | 'start'): Promise<unknown> => {
    const answer = await api.request('POST', `/v1/agents/${id}/${command}`, { apiKey: org.apiKey });
    return (answer.body as { data: unknown }).data;
  };
  const tool = async (name: string, input: object): Promise<string> => {
    const body = { message: `[[tool ${name} ${JSON.stringify(input)}]]` };
    const stream = await api.open('POST', `/v1/agents/${id}/chat/messages`, { apiKey: org.apiKey, body });
    return textOf(await allEvents(stream));
  };

  it('is there again after its workspace was wiped, byte for byte', async () => {
    await tool('memory_write', { name: 'pet', content: 'Ann has a lynx' });
    const large = join(home(), 'workspace', 'large.bin');
    const content = randomBytes(LARGE_BYTES);
    await writeFile(large, content);
    const { uid, gid } = await stat(join(home(), 'workspace'));
    await chown(large, uid, gid);

    expect(await told('stop')).toMatchObject({ status: 'stopped' });
    await rm(home(), { recursive: true });
    expect(await told('start')).toMatchObject({ status: 'running' });
    expect(content.equals(await readFile(large))).toBe(true);
    expect(await tool('memory_read', { name: 'pet' })).toContain('lynx');
  }, 90_000);

  it('stays away once it was deleted there', async () => {
    await rm(join(home(), 'workspace', 'large.bin'));
    expect(await told('stop')).toMatchObject({ status: 'stopped' });
    await rm(home(), { recursive: true });
    expect(await told('start')).toMatchObject({ status: 'running' });
    await expect(access(join(home(), 'workspace', 'large.bin'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await tool('memory_read', { name: 'pet' })).toContain('lynx');
  }, 90_000);
});
