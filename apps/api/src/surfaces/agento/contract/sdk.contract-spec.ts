import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';
import { type GeneratedClient, generatedClient } from '../../../testing/generated-client.js';

const STORY = join(import.meta.dirname, 'sdk/story.mts');

describe('a client that is generated from the document', () => {
  let sdk: GeneratedClient;
  let api: ApiFixture;
  let fleet: Fleet;

  beforeAll(async () => {
    sdk = await generatedClient('agento', STORY);
    api = await startApi();
    fleet = await startFleet(api);
  }, 120_000);
  afterAll(async () => {
    await fleet?.stop();
    await api?.close();
    sdk?.remove();
  });

  it('compiles strictly with a program that asserts no type', async () => {
    const asserted = readFileSync(STORY, 'utf8').match(/\bas (?!const\b)\w+|<\w+>\(|\bany\b|!\.|@ts-|satisfies/g);
    expect(asserted).toBeNull();
    await sdk.compile();
  }, 120_000);

  it('drives an agent from its creation over chat, skills and knowledge to its end', async () => {
    const { apiKey } = await api.organisation();
    expect(await sdk.tell(api.url, apiKey)).toEqual([
      'Ada is running in support, 24',
      'done',
      'user: Hello!',
      'assistant: the same',
      'csv-analysis is verified, scanned',
      'true running 1 csv-analysis',
      '2 of 2',
      'returns.md faq, shipping.md article',
      'prices.md article',
      'returns.md by meaning',
      'true 3',
      'Ada true true',
      '404 not_found',
    ]);
  }, 120_000);
});
