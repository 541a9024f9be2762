import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#libs/testing';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';
import { type GeneratedClient, generatedClient } from '../../../testing/generated-client.js';

const STORY = join(import.meta.dirname, 'sdk/story.mts');

describe('a client that is generated from the document', () => {
  let sdk: GeneratedClient;
  let api: ApiFixture;
  let fleet: Fleet;

  beforeAll(async () => {
    sdk = await generatedClient('agent402', STORY);
    api = await startApi({ security: { registration: 'open' } });
    fleet = await startFleet(api);
  }, 120_000);
  afterAll(async () => {
    await fleet?.stop();
    await api?.close();
    sdk?.remove();
  });

  it('compiles strictly with a program that asserts no type', async () => {
    const asserted = readFileSync(STORY, 'utf8').match(/\bas (?!const\b)\w+|<\w+>\(|\bany\b|!\.|@ts-|satisfies/g);
    expect(asserted?.filter((text) => text !== 'as the')).toEqual([]);
    await sdk.compile();
  }, 120_000);

  it('drives a workspace from its registration over template, agent and conversation to an invite', async () => {
    expect(await sdk.tell(api.url)).toEqual([
      'Ada bearer true',
      '9 templates, 3 for engineers',
      'Grace is running, as the template says',
      'user: A note beforehand',
      'user: [[echo Here I am.]]',
      'assistant: Here I am.',
      'Here I am. true',
      'heartbeat completed, true',
      'Bob is PENDING',
      'agent.create templates.seed',
    ]);
  }, 120_000);

  it('leaves an audit log whose chain holds', async () => {
    const { masterKey, jwtSecret } = api.config.security;
    const env = {
      ...{ DATABASE_URL: api.db.url, DATA_DIR: fleet.dataDir, MASTER_KEY: masterKey, JWT_SECRET: jwtSecret },
      NODE_ENV: 'test',
    };
    const verify = () =>
      promisify(execFile)(process.execPath, ['--no-warnings', 'dist/apps/api/src/cli/audit-verify.js'], { env });
    // the worker signs a checkpoint each minute
    await eventually(async () => (await verify()).stderr === '', { timeoutMs: 90_000, intervalMs: 2_000 });
  }, 120_000);
});
