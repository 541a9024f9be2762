import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#libs/observability';
import { eventually, reverseProxy } from '#libs/testing';
import { createApi } from '../../api.js';
import { type ServerEvent, allEvents, eventsOf, textOf } from '../../surfaces/agento/contract/events.js';
import { type ApiFixture, type ApiOrganisation, startApi } from '../../testing/api-fixture.js';
import { type Fleet, startFleet } from '../../testing/fleet.js';
import { ownerToken } from './walk-world.js';

const LIMIT = 60;

/** Two replicas of the API on one database, behind a plain reverse proxy that gives every request to the next of them. */
describe('API replicas behind a reverse proxy', () => {
  let first: ApiFixture;
  let second: NestFastifyApplication;
  let fleet: Fleet;
  let proxy: Server;
  let url: string;
  let org: ApiOrganisation;
  let agent: string;
  const asked: number[] = [];

  beforeAll(async () => {
    first = await startApi({ limits: { ratePerMinute: LIMIT } });
    fleet = await startFleet(first);
    second = await createApi(first.config, silentLogger());
    await second.listen(0, '127.0.0.1');
    proxy = roundRobin([first.url, await second.getUrl()], asked);
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    org = await first.organisation();
    const body = JSON.stringify({ name: 'Twice served', config: { llmProvider: 'demo' } });
    const created = (await (await call('POST', '/v1/agents', { body })).json()) as { data: { id: string } };
    agent = created.data.id;
  }, 90_000);
  afterAll(async () => {
    proxy?.closeAllConnections();
    proxy?.close();
    second?.getHttpServer().closeAllConnections();
    await second?.close();
    await fleet?.stop();
    await first?.close();
  });

  const call = (method: string, path: string, init: RequestInit = {}, apiKey = org.apiKey): Promise<Response> =>
    fetch(url + path, {
      method,
      ...init,
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...(init.headers as object) },
    });

  it('resume a stream on another replica than the one that began it', async () => {
    const leaving = new AbortController();
    const body = JSON.stringify({ message: '[[slow 60x30]]', peerId: 'ann', onDisconnect: 'continue' });
    const began = await call('POST', `/v1/agents/${agent}/chat/messages`, { body, signal: leaving.signal });
    const run = began.headers.get('x-run-id') ?? '';
    const read: ServerEvent[] = [];
    for await (const event of eventsOf(began)) {
      read.push(event);
      if (read.length === 3) break;
    }
    leaving.abort();
    const from = asked.at(-1);
    const headers = { 'last-event-id': read.at(-1)?.id ?? '' };
    const rest = await allEvents(await call('GET', `/v1/agents/${agent}/chat/runs/${run}/stream`, { headers }));
    expect(asked.at(-1)).not.toBe(from);
    expect(rest.at(-1)?.data).toBe('{"type":"done"}');
    const whole = await allEvents(await call('GET', `/v1/agents/${agent}/chat/runs/${run}/stream`));
    expect(textOf(read) + textOf(rest)).toBe(textOf(whole));
  }, 60_000);

  it("count a key's requests together, to the last one", async () => {
    const key = await first.apiKey(await first.organisation());
    const answers = await Promise.all(
      Array.from({ length: 2 * LIMIT }, () => call('GET', '/v1/account', {}, key).then(({ status }) => status)),
    );
    expect(answers.filter((status) => status === 200)).toHaveLength(LIMIT);
    expect(answers.filter((status) => status === 429)).toHaveLength(LIMIT);
  }, 60_000);

  it('all know of a sign-out within 5 s', async () => {
    const authorization = `Bearer ${await ownerToken(first, await first.organisation())}`;
    const me = async (): Promise<number> => {
      const { status } = await fetch(`${url}/api/v1/auth/me`, { headers: { authorization } });
      return status;
    };
    expect([await me(), await me()]).toEqual([200, 200]);
    const out = await fetch(`${url}/api/v1/auth/logout`, { method: 'POST', headers: { authorization } });
    expect(out.status).toBeLessThan(300);
    await eventually(async () => (await me()) === 401 && (await me()) === 401, { timeoutMs: 5_000, intervalMs: 200 });
  }, 30_000);
});

/** `asked`: which one got each request. */
function roundRobin(targets: readonly string[], asked: number[]): Server {
  return reverseProxy(() => {
    const turn = ((asked.at(-1) ?? -1) + 1) % targets.length;
    asked.push(turn);
    return targets[turn] as string;
  });
}
