import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '#libs/kernel';
import { type ApiFixture, startApi } from '../../../testing/api-fixture.js';
import { type AgentoClient, agentoClient, iso } from './agento-client.js';

interface Used {
  readonly day: string;
  readonly agentId: string;
  readonly swarmId?: string | null;
  readonly model?: string;
  readonly input?: number;
  readonly output?: number;
  readonly costMicroUsd?: number;
}

let api: ApiFixture;
let client: AgentoClient;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.close());
beforeEach(async () => {
  client = agentoClient(api, await api.organisation(), ['budgets', 'usage_daily', 'events']);
});

const insertUsage = (used: Used): Promise<unknown> =>
  api.db.database.query(
    `INSERT INTO usage_daily (org_id, day, agent_id, swarm_id, provider, model, calls, estimated_calls, unpriced_calls,
       input_tokens, cached_input_tokens, output_tokens, cost_micro_usd) VALUES ($1, $2, $3, $4, 'openai', $5, 2, 1, 0, $6, 3, $7, $8)`,
    [
      ...[client.org.orgId, used.day, used.agentId, used.swarmId ?? null, used.model ?? 'gpt-5-mini'],
      ...[used.input ?? 10, used.output ?? 5, used.costMicroUsd ?? 1_500_001],
    ],
  );

const insertSwarm = async (name: string): Promise<string> => {
  const id = newId();
  await api.db.database.query('INSERT INTO swarms (id, org_id, name, slug) VALUES ($1, $2, $3, $4)', [
    id,
    client.org.orgId,
    name,
    `s-${id}`,
  ]);
  return id;
};

const today = (): string => new Date().toISOString().slice(0, 10);
const sums = (times: number) => ({
  calls: 2 * times,
  estimatedCalls: times,
  unpricedCalls: 0,
  inputTokens: 10 * times,
  cachedInputTokens: 3 * times,
  outputTokens: 5 * times,
  totalTokens: 15 * times,
  costUsd: (1_500_001 * times) / 1_000_000,
});

describe('GET /v1/usage', () => {
  let gone: string;
  let agent: string;
  let swarm: string;

  beforeEach(async () => {
    gone = newId();
    agent = await client.insertAgent();
    swarm = await insertSwarm('Crew');
    await insertUsage({ day: '2026-10-30', agentId: gone });
    await insertUsage({ day: '2026-11-01', agentId: gone });
    await insertUsage({ day: '2026-11-01', agentId: agent, swarmId: swarm });
    await insertUsage({ day: '2026-11-02', agentId: agent, swarmId: swarm, model: 'gpt-5' });
  });

  const usage = async (query: string): Promise<Record<string, unknown>> => {
    const answer = await client.call('GET', `/usage?from=2026-11-01&to=2026-11-30${query}`);
    expect(answer.status).toBe(200);
    return answer.body as Record<string, unknown>;
  };

  it('adds up days, newest first, with the sums of all of them', async () => {
    expect(await usage('')).toEqual({
      data: [
        { day: '2026-11-02', ...sums(1) },
        { day: '2026-11-01', ...sums(2) },
      ],
      pagination: { total: 2, limit: 50, offset: 0 },
      totals: sums(3),
      period: { from: '2026-11-01', to: '2026-11-30' },
    });
  });

  it('adds up agents, of which one is gone, swarms and models, the dearest first', async () => {
    expect((await usage('&groupBy=agent')).data).toEqual([
      { agentId: agent, agentName: 'A', ...sums(2) },
      { agentId: gone, agentName: null, ...sums(1) },
    ]);
    expect((await usage('&groupBy=swarm')).data).toEqual([
      { swarmId: swarm, swarmName: 'Crew', ...sums(2) },
      { swarmId: null, swarmName: null, ...sums(1) },
    ]);
    expect((await usage('&groupBy=model')).data).toEqual([
      { provider: 'openai', model: 'gpt-5-mini', ...sums(2) },
      { provider: 'openai', model: 'gpt-5', ...sums(1) },
    ]);
  });

  it('pages and filters, and the totals stay those of everything that was asked for', async () => {
    expect(await usage('&limit=1&offset=1')).toMatchObject({
      data: [{ day: '2026-11-01' }],
      pagination: { total: 2, limit: 1, offset: 1 },
      totals: sums(3),
    });
    expect((await usage('&limit=5000')).pagination).toEqual({ total: 2, limit: 100, offset: 0 });
    expect((await usage(`&agentId=${gone}`)).totals).toEqual(sums(1));
    expect((await usage(`&swarmId=${swarm}`)).totals).toEqual(sums(2));
    expect((await usage(`&agentId=${newId()}`)).totals).toEqual({ ...sums(0), costUsd: 0 });
  });

  it('takes moments by their UTC day, and the last 30 days when nothing is asked', async () => {
    const moments = 'from=2026-10-31T23:30:00-01:00&to=2026-11-01T00:00:00.000Z';
    expect((await client.call('GET', `/usage?${moments}`)).body).toMatchObject({ totals: sums(2) });
    const { period } = (await client.call('GET', '/usage')).body as { period: { from: string; to: string } };
    expect(period.to).toBe(today());
    expect(Date.parse(period.to) - Date.parse(period.from)).toBe(29 * 86_400_000);
  });

  it('shows nothing of other organisations', async () => {
    const other = agentoClient(api, await api.organisation(), []);
    const answer = await other.call('GET', `/usage?from=2026-01-01&agentId=${agent}&groupBy=agent`);
    expect(answer.body).toMatchObject({ data: [], pagination: { total: 0 } });
  });

  it.each([
    ['from=2026-02-30', /from must be an ISO date/],
    ['from=yesterday..', /from must be an ISO date/],
    ['from=2026-11-02&to=2026-11-01', /from must not be after to/],
    ['from=1900-01-01', /at most 3660 days/],
    ['groupBy=colour', /groupBy/],
    ['limit=0', /limit/],
    ['offset=-1', /offset/],
    ['agentId=x', /agentId/],
  ])('refuses %s', async (query, message) => {
    await client.refused(400, 'validation_error', ['GET', `/usage?${query}`], message);
  });
});

describe('PUT and GET /v1/budgets', () => {
  const fresh = {
    startsAt: iso,
    resetsAt: iso,
    usedUsd: 0,
    usedTokens: 0,
    reservedUsd: 0,
    reservedTokens: 0,
    softLimitReachedAt: null,
    hardLimitReachedAt: null,
  };

  it('sets limits, keeps those not named, clears with null, and lists what there is', async () => {
    const agent = await client.insertAgent();
    const swarm = await insertSwarm('Crew');
    const none = { dailyLimitUsd: null, monthlyLimitUsd: null, dailyLimitTokens: null, monthlyLimitTokens: null };
    const own = { scope: 'organisation', id: client.org.orgId, name: 'Test organisation' };
    expect(await client.data('PUT', '/budgets', { scope: 'agent', id: agent, dailyLimitTokens: 1000 })).toEqual({
      ...{ scope: 'agent', id: agent, name: 'A', ...none, dailyLimitTokens: 1000, softLimitPercent: 80 },
      ...{ updatedAt: iso, daily: fresh, monthly: fresh },
    });
    await client.data('PUT', '/budgets', { scope: 'swarm', id: swarm, monthlyLimitTokens: 5, softLimitPercent: null });
    await client.data('PUT', '/budgets', { scope: 'organisation', dailyLimitUsd: 0.000001, monthlyLimitUsd: 12.34 });
    await client.data('PUT', '/budgets', { scope: 'organisation', dailyLimitUsd: null });
    const { body } = await client.call('GET', '/budgets');
    expect(body).toMatchObject({
      data: [
        { ...own, ...none, monthlyLimitUsd: 12.34, softLimitPercent: 80 },
        { scope: 'swarm', id: swarm, name: 'Crew', monthlyLimitTokens: 5, softLimitPercent: null },
        { scope: 'agent', id: agent },
      ],
      pagination: { total: 3 },
    });
    expect(await client.data('PUT', '/budgets', { scope: 'agent', id: agent, dailyLimitTokens: null })).toMatchObject({
      ...{ id: agent, name: 'A', ...none, updatedAt: null },
    });
    expect((await client.call('GET', '/budgets')).body).toMatchObject({ pagination: { total: 2 } });
  });

  it('starts a new budget with what the period has used, and says when it resets', async () => {
    const agent = await client.insertAgent();
    const now = new Date();
    const firstOfMonth = `${today().slice(0, 7)}-01`;
    const before = new Date(Date.parse(firstOfMonth) - 1).toISOString().slice(0, 10);
    await insertUsage({ day: before, agentId: agent, costMicroUsd: 7 });
    await insertUsage({ day: today(), agentId: agent, costMicroUsd: 1_000_000 });
    await insertUsage({ day: today(), agentId: newId(), costMicroUsd: 500_000 });
    await insertUsage({ day: before, agentId: newId(), costMicroUsd: 7 });
    const [own, whole] = [
      await client.data('PUT', '/budgets', { scope: 'agent', id: agent, monthlyLimitUsd: 2 }),
      await client.data('PUT', '/budgets', { scope: 'organisation', id: client.org.orgId, monthlyLimitUsd: 2 }),
    ];
    expect([own.daily, own.monthly]).toMatchObject([{ usedUsd: 1, usedTokens: 15 }, { usedUsd: 1 }]);
    expect([whole.daily, whole.monthly]).toMatchObject([{ usedUsd: 1.5 }, { usedUsd: 1.5, usedTokens: 30 }]);
    const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1);
    const nextMonth = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
    expect([own.daily, own.monthly]).toMatchObject([
      { startsAt: `${today()}T00:00:00.000Z`, resetsAt: new Date(midnight).toISOString() },
      { startsAt: `${firstOfMonth}T00:00:00.000Z`, resetsAt: new Date(nextMonth).toISOString() },
    ]);
  });

  it('writes every change into the event log, with who made it', async () => {
    await client.data('PUT', '/budgets', { scope: 'organisation', dailyLimitTokens: 5 });
    await client.data('PUT', '/budgets', { scope: 'organisation', dailyLimitTokens: null });
    const events = await api.db.database.query<{ seq: string; data: object }>(
      `SELECT seq, data FROM events WHERE org_id = $1 AND type = 'budget.changed' ORDER BY seq`,
      [client.org.orgId],
    );
    expect(events.map(({ seq }) => seq)).toEqual(['1', '2']);
    expect(events[0]?.data).toMatchObject({
      scope: 'organisation',
      dayLimitTokens: 5,
      by: expect.stringMatching(/^key:/),
    });
  });

  it('is set by owners and admins, and read by viewers', async () => {
    for (const [role, status] of [
      ['OWNER', 200],
      ['ADMIN', 200],
      ['MEMBER', 403],
      ['VIEWER', 403],
    ] as const) {
      const member = agentoClient(api, await api.organisation({ role }), []);
      const answer = await member.call('PUT', '/budgets', { scope: 'organisation', dailyLimitTokens: 1 });
      expect([role, answer.status]).toEqual([role, status]);
      expect((await member.call('GET', '/budgets')).status).toBe(200);
    }
    const writer = await api.apiKey(client.org, ['agents:write']);
    expect((await api.request('GET', '/v1/budgets', { apiKey: writer })).status).toBe(403);
  });

  it.each<[string, () => object, number, RegExp]>([
    ['nothing', () => ({ scope: 'organisation' }), 400, /Nothing to change/],
    ['an unknown scope', () => ({ scope: 'team', dailyLimitUsd: 1 }), 400, /scope/],
    ['no scope', () => ({ dailyLimitUsd: 1 }), 400, /scope/],
    ['an agent without id', () => ({ scope: 'agent', dailyLimitUsd: 1 }), 400, /id is required/],
    ['an agent that is not there', () => ({ scope: 'agent', id: newId(), dailyLimitUsd: 1 }), 404, /Agent/],
    ['a swarm that is not there', () => ({ scope: 'swarm', id: newId(), dailyLimitUsd: 1 }), 404, /Swarm/],
    ['another organisation', () => ({ scope: 'organisation', id: newId(), dailyLimitUsd: 1 }), 404, /Organisation/],
    ['less than nothing', () => ({ scope: 'organisation', dailyLimitUsd: -1 }), 400, /dailyLimitUsd/],
    ['less than a millionth', () => ({ scope: 'organisation', dailyLimitUsd: 0.0000001 }), 400, /dailyLimitUsd/],
    ['text', () => ({ scope: 'organisation', monthlyLimitUsd: '5' }), 400, /monthlyLimitUsd/],
    ['half a token', () => ({ scope: 'organisation', dailyLimitTokens: 0.5 }), 400, /dailyLimitTokens/],
    ['too many tokens', () => ({ scope: 'organisation', monthlyLimitTokens: 1e16 }), 400, /monthlyLimitTokens/],
    ['more than all', () => ({ scope: 'organisation', softLimitPercent: 101 }), 400, /softLimitPercent/],
  ])('refuses %s', async (_case, body, status, message) => {
    await client.refused(
      status,
      status === 404 ? 'not_found' : 'validation_error',
      ['PUT', '/budgets', body()],
      message,
    );
  });

  it("refuses another organisation's agent", async () => {
    const other = agentoClient(api, await api.organisation(), []);
    const body = { scope: 'agent', id: await other.insertAgent(), dailyLimitTokens: 1 };
    await client.refused(404, 'not_found', ['PUT', '/budgets', body]);
  });
});
