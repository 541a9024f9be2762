import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { gatewayToken, signAgentToken, signRelayToken } from '#libs/crypto';
import { type GatewayChatRequest, type GatewayChunk, GatewayClient } from '#libs/gateway-client';
import { newId } from '#libs/kernel';
import { eventually } from '#libs/testing';
import { HttpDoor } from '../http/http-door.js';
import { type EdgeFixture, EPOCH, startEdge } from './testing/edge-fixture.js';
import { ScriptedServer, says, textFrame } from './testing/scripted-server.js';

const REQUEST: GatewayChatRequest = {
  sessionId: 'sess_1',
  turn: 4,
  refill: false,
  messages: [{ role: 'user', content: 'Hi' }],
};

describe('the relay and its client', () => {
  const gateway = new ScriptedServer();
  const agentId = newId();
  let edge: EdgeFixture;
  let client: GatewayClient;

  beforeAll(async () => {
    await gateway.start();
    edge = await startEdge();
    client = new GatewayClient(edge.config);
  });
  afterAll(async () => {
    client?.onApplicationShutdown();
    await edge?.close();
    await gateway.stop();
  });
  afterEach(() => {
    gateway.requests.length = 0;
  });

  const target = (endpoint = gateway.endpoint, edgeUrl = edge.relayUrl) => ({
    agentId,
    hostId: edge.config.host.id,
    edgeUrl,
    endpoint,
    epoch: EPOCH,
  });

  async function chat(
    signal = new AbortController().signal,
    to = target(),
    request = REQUEST,
  ): Promise<GatewayChunk[]> {
    const chunks: GatewayChunk[] = [];
    for await (const chunk of client.chat(to, request, signal)) chunks.push(chunk);
    return chunks;
  }

  it('carries a turn to the gateway with its own token, and the answer back', async () => {
    gateway.script = says('Hello ', 'wörld');
    const chunks = await chat(undefined, target(), { ...REQUEST, peerId: 'ü/1', refill: true, requestId: 'r-1' });
    expect(chunks).toEqual([
      { kind: 'text', text: 'Hello ' },
      { kind: 'text', text: 'wörld' },
      { kind: 'usage', promptTokens: 11, completionTokens: 2 },
    ]);
    expect(gateway.last).toMatchObject({ method: 'POST', url: '/v1/chat/completions' });
    expect(gateway.last.headers).toMatchObject({
      authorization: `Bearer ${gatewayToken(edge.config.security.jwtSecret, agentId, EPOCH)}`,
      'x-openclaw-session-key': 'sess_1',
      'x-rookery-turn': '4',
      'x-rookery-peer': '%C3%BC%2F1',
      'x-rookery-refill': '1',
      'x-request-id': 'r-1',
    });
    expect(JSON.parse(gateway.last.body)).toMatchObject({ stream: true, messages: REQUEST.messages });
  });

  it('hands each piece on as it comes', async () => {
    let goOn: () => void = () => undefined;
    gateway.script = async (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of ['a', 'b']) {
        const read = new Promise<void>((resolve) => (goOn = resolve));
        res.write(textFrame(piece));
        await read;
      }
      res.end('data: [DONE]\n\n');
    };
    const seen: string[] = [];
    for await (const chunk of client.chat(target(), REQUEST, new AbortController().signal)) {
      if (chunk.kind === 'text') seen.push(chunk.text);
      goOn();
    }
    expect(seen).toEqual(['a', 'b']);
  });

  it('keeps back-pressure: a reader that stops stops the gateway, and loses nothing', async () => {
    const piece = 'x'.repeat(64 * 1024);
    let written = 0;
    gateway.script = async (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      for (; written < 800; written += 1) {
        if (!res.write(textFrame(piece))) await new Promise((resolve) => res.once('drain', resolve));
      }
      res.end('data: [DONE]\n\n');
    };
    let read = 0;
    for await (const chunk of client.chat(target(), REQUEST, new AbortController().signal)) {
      if (read === 0) {
        let before = -1;
        while (before !== written) {
          before = written;
          await sleep(100);
        }
        expect(written).toBeLessThan(800);
      }
      if (chunk.kind === 'text') read += chunk.text.length;
    }
    expect(read).toBe(800 * piece.length);
  });

  it.each([false, true])('tells the gateway when the client leaves (answer begun: %s)', async (begun) => {
    gateway.script = (_request, res) => {
      if (begun) res.writeHead(200, { 'content-type': 'text/event-stream' }).write(textFrame('a'));
    };
    const leaving = new AbortController();
    const reading = chat(leaving.signal);
    reading.catch(() => undefined);
    await eventually(() => gateway.requests.length === 1);
    leaving.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
    expect(await gateway.last.left).toBe(true);
  });

  it('tells the gateway when the reader breaks out of the loop', async () => {
    gateway.script = (_request, res) =>
      void res.writeHead(200, { 'content-type': 'text/event-stream' }).write(textFrame('a'));
    for await (const chunk of client.chat(target(), REQUEST, new AbortController().signal)) {
      expect(chunk).toEqual({ kind: 'text', text: 'a' });
      break;
    }
    expect(await gateway.last.left).toBe(true);
  });

  it('lets a whole answer end, so that the gateway keeps the turn and the connection is used again', async () => {
    gateway.script = (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(`${textFrame('a')}data: [DONE]\n\n`);
      setTimeout(() => res.end(), 50);
    };
    const ports = new Set<string>();
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await chat()).toEqual([{ kind: 'text', text: 'a' }]);
      expect(await gateway.last.left).toBe(false);
      ports.add(gateway.last.from);
    }
    expect(ports.size).toBe(1);
  });

  it('asks for the history when the gateway does', async () => {
    gateway.script = (_request, res) =>
      void res.writeHead(409).end(JSON.stringify({ error: { code: 'history_required', message: 'x' } }));
    await expect(chat()).rejects.toMatchObject({ kind: 'conflict', code: 'history_required' });
  });

  it('tells a cut answer from a whole one', async () => {
    gateway.script = (_request, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(textFrame('a'), () => res.destroy());
    };
    await expect(chat()).rejects.toMatchObject({ kind: 'upstream_failed', code: 'answer_cut' });
    gateway.script = (_request, res) => void res.writeHead(200).end(textFrame('a'));
    await expect(chat()).rejects.toMatchObject({ kind: 'upstream_failed', code: 'answer_cut' });
  });

  it("keeps the gateway's own error", async () => {
    gateway.script = (_request, res) =>
      void res.writeHead(503).end(JSON.stringify({ error: { code: 'agent_busy', message: 'Later' } }));
    await expect(chat()).rejects.toMatchObject({ kind: 'upstream_failed', code: 'agent_busy', message: 'Later' });
    gateway.script = (_request, res) => void res.writeHead(500).end('<html>');
    await expect(chat()).rejects.toMatchObject({ kind: 'upstream_failed', code: 'agent_failed' });
  });

  it('says whether the agent or the edge does not answer', async () => {
    await expect(chat(undefined, target('127.0.0.1:1'))).rejects.toMatchObject({
      kind: 'agent_not_running',
      code: 'agent_unreachable',
    });
    await expect(chat(undefined, target(gateway.endpoint, 'http://127.0.0.1:1'))).rejects.toMatchObject({
      kind: 'upstream_failed',
      code: 'edge_unreachable',
    });
  });

  it('probes health through the relay', async () => {
    gateway.script = (request, res) => void res.writeHead(request.url === '/healthz' ? 200 : 404).end('{}');
    expect(await client.health(target())).toEqual({ live: true, status: 200 });
    gateway.script = (_request, res) => void res.writeHead(503).end('{}');
    expect(await client.health(target())).toEqual({ live: false, status: 503 });
    expect(await client.health(target('127.0.0.1:1'))).toEqual({ live: false, status: 502 });
    expect(await client.health(target('127.0.0.1:1', 'http://127.0.0.1:1'))).toEqual({ live: false, status: null });
  });

  it('carries skills to be discarded, and says when they were not', async () => {
    const discard = () => client.discardSkills(target(), ['leaky'], new AbortController().signal);
    gateway.script = (_request, res) => void res.writeHead(204).end();
    await discard();
    expect(gateway.last).toMatchObject({ method: 'POST', url: '/v1/skills/discard', body: '{"skills":["leaky"]}' });
    gateway.script = (_request, res) => void res.writeHead(404).end('{"error":{"code":"not_found","message":"No"}}');
    await expect(discard()).rejects.toMatchObject({ kind: 'upstream_failed', code: 'not_found' });
  });

  it('lets nothing through without a token for this host and this agent', async () => {
    const secret = edge.config.security.jwtSecret;
    const claims = { agentId, hostId: edge.config.host.id, epoch: EPOCH, endpoint: gateway.endpoint };
    const tokens = [
      undefined,
      'nonsense',
      signRelayToken(secret, { ...claims, hostId: 'other' }),
      signRelayToken(secret, { ...claims, agentId: newId() }),
      signRelayToken(`${secret}x`, claims),
      signAgentToken(secret, { ...claims, orgId: newId() }),
    ];
    for (const token of tokens) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(`${edge.relayUrl}/relay/${agentId}/healthz`, { headers });
      expect([answer.status, await answer.json()]).toMatchObject([401, { error: { code: 'invalid_token' } }]);
    }
    expect(gateway.requests).toHaveLength(0);
  });

  it('passes on only what a gateway is asked for, without cookies or hop-by-hop headers', async () => {
    const claims = { agentId, hostId: edge.config.host.id, epoch: EPOCH, endpoint: gateway.endpoint };
    const authorization = `Bearer ${signRelayToken(edge.config.security.jwtSecret, claims)}`;
    const ask = async (method: string, path: string): Promise<number> =>
      (await fetch(`${edge.relayUrl}${path}`, { method, headers: { authorization, cookie: 'a=b', te: 'trailers' } }))
        .status;
    gateway.script = (_request, res) => void res.writeHead(200, { 'set-cookie': 'x=y' }).end('{}');
    for (const path of ['v1/models', '../etc', 'admin', 'v1/chat/completions/']) {
      expect(await ask('GET', `/relay/${agentId}/${path}`)).toBe(404);
    }
    expect(await ask('DELETE', `/relay/${agentId}/v1/chat/completions`)).toBe(404);
    expect(await ask('GET', '/')).toBe(404);
    expect(gateway.requests).toHaveLength(0);
    expect(await ask('GET', `/relay/${agentId}/readyz`)).toBe(200);
    expect(gateway.last.headers).not.toHaveProperty('cookie');
    expect(gateway.last.headers).not.toHaveProperty('te');
  });

  it('lives on both doors and shows metrics only for the token', async () => {
    for (const url of [edge.relayUrl, edge.agentUrl]) {
      expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    }
    expect((await fetch(`${edge.relayUrl}/metrics`)).status).toBe(404);
    const [instance] = await edge.db.database.query(`SELECT host_id FROM instances WHERE kind = 'edge'`);
    expect(instance).toEqual({ host_id: edge.config.host.id });
  });
});

describe('HttpDoor', () => {
  it('names the door whose port is taken', async () => {
    const [one, other] = [new HttpDoor('One', () => undefined), new HttpDoor('Other (EDGE_X)', () => undefined)];
    const { port } = await one.listen(0, '127.0.0.1');
    await expect(other.listen(port, '127.0.0.1')).rejects.toThrow(
      `Other (EDGE_X) can't listen on 127.0.0.1:${port}: the port is taken by another program`,
    );
    await one.close(0);
  });
});
