import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiFixture, startApi } from '../testing/api-fixture.js';

const CANARY = 'sk-canary-rotation-0123456789';
const NEW_MASTER = 'the-next-master-key-0123456789abcdef';

describe('the compiled secrets:rotate', () => {
  let api: ApiFixture;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api?.close());

  const run = (env: Record<string, string>, ...args: string[]) => {
    const { masterKey, jwtSecret } = api.config.security;
    const given = { MASTER_KEY: masterKey, JWT_SECRET: jwtSecret, DATABASE_URL: api.db.url, DATA_DIR: api.db.dataDir };
    const program = ['--no-warnings', 'dist/apps/api/src/cli/secrets-rotate.js', ...args];
    return promisify(execFile)(process.execPath, program, { env: { ...given, ...env } }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  };

  it('replaces keys, or says which is missing and changes nothing; it never shows a secret', async () => {
    const { orgId, apiKey } = await api.organisation();
    const agentId = newId();
    await api.db.database.query(
      `INSERT INTO agents (id, org_id, name, region, image) VALUES ($1, $2, 'A', 'eu', 'x')`,
      [agentId, orgId],
    );
    const body = { secrets: { openai_api_key: CANARY } };
    expect((await api.request('PUT', `/v1/agents/${agentId}/secrets`, { apiKey, body })).status).toBe(200);
    const first = await run({});
    expect([first.code, JSON.parse(first.stdout)]).toEqual([0, { rewrapped: 0, organisations: 1, secrets: 1 }]);
    const lost = await run({ MASTER_KEY: NEW_MASTER });
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('check MASTER_KEY')]);
    const moved = await run({ MASTER_KEY: NEW_MASTER, MASTER_KEY_PREVIOUS: api.config.security.masterKey });
    expect([moved.code, JSON.parse(moved.stdout)]).toEqual([0, { rewrapped: 1, organisations: 1, secrets: 1 }]);
    const start = /--before (\S+)/.exec(moved.stderr)?.[1] ?? '';
    const again = await run({ MASTER_KEY: NEW_MASTER }, '--before', start);
    expect(JSON.parse(again.stdout)).toEqual({ rewrapped: 0, organisations: 0, secrets: 0 });
    const wrong = await run({}, '--before', 'yesterday');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('--before')]);
    expect(JSON.stringify([first, lost, moved, again, wrong])).not.toMatch(/canary|master-key/);
  });
});
