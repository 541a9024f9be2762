import { spawnSync } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../../testing/fleet.js';

let api: ApiFixture;
let fleet: Fleet;
let org: ApiOrganisation;
let id: string;

const data = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const sent = { apiKey: org.apiKey, ...(body === undefined ? {} : { body }) };
  const answer = await api.request(method, `/v1/agents${path}`, sent);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return (answer.body as { data: Record<string, unknown> }).data;
};

const inWorkspace = (path: string): string => join(fleet.dataDir, 'agents', id, 'workspace', path);
const onDisk = (path: string): Promise<string> => readFile(inWorkspace(path), 'utf8');

beforeAll(async () => {
  api = await startApi();
  fleet = await startFleet(api);
  org = await api.organisation();
  id = String((await data('POST', '', { name: 'Ada', config: { llmProvider: 'demo' } })).id);
}, 60_000);
afterAll(async () => {
  await fleet?.stop();
  await api?.close();
});

describe('the skills of a real agent', () => {
  it('lie in its workspace after a restart, and no more after they were uninstalled', async () => {
    const files = {
      'SKILL.md': '---\nname: house-voice\ndescription: How we write.\n---\n\nGrüße 🐦.',
      'references/words.md': '# Words',
    };
    const uploaded = await api.request('POST', '/v1/skills', { apiKey: org.apiKey, body: { files } });
    expect(uploaded.status).toBe(201);
    for (const [skillId, trustLevel] of [
      ['house-voice', 'custom'],
      ['csv-analysis', 'verified'],
    ]) {
      expect(await data('POST', `/${id}/skills`, { skillId, trustLevel })).toMatchObject({ needsRestart: true });
    }
    await data('POST', `/${id}/restart`);
    expect(await data('GET', `/${id}`)).toMatchObject({ status: 'running', needsRestart: false });
    expect(await onDisk('skills/house-voice/SKILL.md')).toBe(files['SKILL.md']);
    expect(await onDisk('skills/house-voice/references/words.md')).toBe('# Words');
    expect(await onDisk('skills/csv-analysis/scripts/profile-csv.mjs')).toBe(
      await readFile('skills/csv-analysis/scripts/profile-csv.mjs', 'utf8'),
    );
    await data('DELETE', `/${id}/skills/csv-analysis`);
    await data('POST', `/${id}/restart`);
    await expect(access(inWorkspace('skills/csv-analysis/SKILL.md'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await onDisk('skills/house-voice/SKILL.md')).toBe(files['SKILL.md']);
  }, 60_000);
});

describe('the files of a real agent', () => {
  it('are in its workspace from the start, the example rule among them', async () => {
    expect(await data('GET', `/${id}`)).toMatchObject({ status: 'running', needsRestart: false });
    const { soulMd, identityMd } = await data('GET', `/${id}/personality`);
    const { workflowMd, rules } = await data('GET', `/${id}/workflow`);
    expect(await onDisk('SOUL.md')).toBe(soulMd);
    expect(await onDisk('IDENTITY.md')).toBe(identityMd);
    expect(await onDisk('WORKFLOW.md')).toBe(workflowMd);
    expect(rules).toEqual(['example-new-request.md']);
    const { content } = await data('GET', `/${id}/rules/example-new-request`);
    expect(await onDisk('rules/example-new-request.md')).toBe(content);
  });

  it('reach the workspace by a restart, which clears needsRestart', async () => {
    const before = await onDisk('SOUL.md');
    await data('PUT', `/${id}/personality`, { soulMd: 'You are Grüße 🐦.\r\n' });
    await data('PUT', `/${id}/workflow`, { workflowMd: '# Other' });
    await data('PUT', `/${id}/rules/daily-review`, { content: 'Review.' });
    expect(await data('DELETE', `/${id}/rules/example-new-request`)).toMatchObject({ needsRestart: true });
    expect(await onDisk('SOUL.md')).toBe(before);
    expect(await data('GET', `/${id}`)).toMatchObject({ needsRestart: true });
    await data('POST', `/${id}/restart`);
    expect(await data('GET', `/${id}`)).toMatchObject({ status: 'running', needsRestart: false });
    expect(await onDisk('SOUL.md')).toBe('You are Grüße 🐦.\r\n');
    expect(await onDisk('WORKFLOW.md')).toBe('# Other');
    expect(await onDisk('rules/daily-review.md')).toBe('Review.');
    await expect(access(inWorkspace('rules/example-new-request.md'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are written while it is stopped without a flag, and are there when it starts', async () => {
    await data('POST', `/${id}/stop`);
    const refused = await api.request('GET', `/v1/agents/${id}/workflow`, { apiKey: org.apiKey });
    expect([refused.status, refused.body]).toMatchObject([409, { error: { code: 'agent_not_running' } }]);
    expect(await data('PUT', `/${id}/rules/daily-review`, { content: 'Later.' })).toMatchObject({
      needsRestart: false,
    });
    expect(await data('PUT', `/${id}/secrets`, { secrets: { openaiApiKey: 'sk-1' } })).toEqual({
      updated: true,
      needsRestart: false,
    });
    await data('POST', `/${id}/start`);
    expect(await onDisk('rules/daily-review.md')).toBe('Later.');
    expect(await data('GET', `/${id}`)).toMatchObject({ status: 'running', needsRestart: false });
  });

  it('hold no secret, nor does anything else the worker keeps on disk', async () => {
    const canary = 'sk-canary-workspace-0123456789';
    await data('PUT', `/${id}/secrets`, { secrets: { openai_api_key: canary } });
    await data('PUT', `/${id}/rules/marker`, { content: 'marker-0123456789' });
    await data('POST', `/${id}/restart`);
    expect(filesWith('marker-0123456789')).toContain(inWorkspace('rules/marker.md'));
    expect(filesWith(canary)).toEqual([]);
  });
});

const filesWith = (text: string): string[] => {
  const { stdout } = spawnSync('grep', ['-r', '-l', '-F', text, fleet.dataDir], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line !== '');
};
