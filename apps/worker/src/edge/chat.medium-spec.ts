import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Config, ConfigModule } from '#libs/config';
import {
  type ChatEvent,
  type ChatRun,
  ChatService,
  ConversationsModule,
  RunSweeper,
  type SendMessage,
} from '#libs/conversations';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { InstancesModule } from '#libs/instances';
import { type Caller, newId } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import { QueueModule } from '#libs/queue';
import { eventually, testOrganisation } from '#libs/testing';
import { type EdgeFixture, startEdge } from './testing/edge-fixture.js';
import { ScriptedServer, says, textFrame } from './testing/scripted-server.js';

@Module({})
class ReplicaModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ReplicaModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(silentLogger()),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        InstancesModule.forRoot('api'),
        QueueModule.forProducer(),
        ConversationsModule,
      ],
    };
  }
}

const replica = (config: Config): Promise<INestApplicationContext> =>
  NestFactory.createApplicationContext(ReplicaModule.forRoot(config), { logger: false });

const stay = new AbortController().signal;

async function all(events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const read: ChatEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

const textOf = (events: readonly ChatEvent[]): string =>
  events.map((event) => (event.kind === 'text' ? event.text : '')).join('');

/** A gateway that says `a` and then waits until it is told to go on with what follows. */
function paused(gateway: ScriptedServer, first = 'a'): { goOn: (...pieces: string[]) => void } {
  let resume: (pieces: string[]) => void = () => undefined;
  const more = new Promise<string[]>((resolve) => (resume = resolve));
  gateway.script = async (_request, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(textFrame(first));
    for (const piece of await more) res.write(textFrame(piece));
    res.end('data: [DONE]\n\n');
  };
  return { goOn: (...pieces) => resume(pieces) };
}

describe('chat through the relay', () => {
  const gateway = new ScriptedServer();
  let edge: EdgeFixture;
  let one: INestApplicationContext;
  let chat: ChatService;
  let agentId: string;
  let caller: Caller;

  beforeAll(async () => {
    await gateway.start();
    edge = await startEdge();
    one = await replica(edge.config);
    chat = one.get(ChatService);
  });
  afterAll(async () => {
    await one?.close();
    await edge?.close();
    await gateway.stop();
  });
  beforeEach(async () => {
    gateway.requests.length = 0;
    gateway.script = says('Hello ', 'there');
    ({ agentId, caller } = await edge.agent(gateway.endpoint));
  });

  const send = (request: Partial<SendMessage> = {}, by = caller): Promise<ChatRun> =>
    chat.send(by, agentId, { message: 'Hi', ...request });
  const say = async (request: Partial<SendMessage> = {}, by = caller): Promise<ChatEvent[]> =>
    all((await send(request, by)).events(stay));
  const rowOf = async (runId: string) => {
    const [row] = await edge.db.database.query<{ status: string; error_code: string | null; content: string }>(
      `SELECT r.*, m.content FROM runs r JOIN messages m ON m.run_id = r.id AND m.role = 'assistant' WHERE r.id = $1`,
      [runId],
    );
    return row;
  };
  /** Makes a run look like that of an instance whose last beat was `ago`. */
  const attribute = (runId: string, ago: string): Promise<unknown> =>
    edge.db.database.query(
      `WITH dead AS (INSERT INTO instances (id, kind, heartbeat_at) VALUES ($2, 'api', now() - $3::interval) RETURNING id)
       UPDATE runs SET instance_id = dead.id FROM dead WHERE runs.id = $1`,
      [runId, newId(), ago],
    );
  const texts = async (query = {}, by = caller): Promise<string[]> =>
    (await chat.history(by, agentId, query)).items.map((message) => `${message.role}: ${message.content}`);

  it('refuses peers where the agent is not known to keep them apart, and keeps nothing of it', async () => {
    await edge.db.database.query('UPDATE agents SET serves_peers = false WHERE id = $1', [agentId]);
    const refused = expect.objectContaining({ kind: 'conflict', code: 'peers_unsupported' });
    for (let times = 0; times < 2; times++) await expect(send({ peerId: 'ann' })).rejects.toEqual(refused);
    await expect(chat.createSession(caller, agentId, { peerId: 'ann' })).rejects.toEqual(refused);
    expect(gateway.requests).toEqual([]);
    expect((await chat.sessions(caller, agentId, { peerId: 'ann' })).total).toBe(0);
    expect(textOf(await say())).toBe('Hello there');
  });

  it('gives the text with offsets, then done, and keeps both sides', async () => {
    const run = await send();
    const events = await all(run.events(stay));
    expect(textOf(events)).toBe('Hello there');
    expect(events.at(-2)).toMatchObject({ kind: 'text', offset: 11 });
    expect(events.at(-1)).toEqual({ kind: 'done' });
    expect(await texts()).toEqual(['user: Hi', 'assistant: Hello there']);
    expect(await rowOf(run.runId)).toMatchObject({ status: 'completed', prompt_tokens: 11, completion_tokens: 2 });
  });

  it('has stored run and message before the agent hears of them', async () => {
    let stored: unknown;
    gateway.script = async (request, res) => {
      stored = await edge.db.database.query('SELECT status FROM runs WHERE agent_id = $1', [agentId]);
      says('ok')(request, res) as void;
    };
    await say();
    expect(stored).toEqual([{ status: 'running' }]);
  });

  it('counts the earlier messages and refills an agent that forgot', async () => {
    await say({ message: 'one' });
    expect(gateway.last.headers['x-rookery-turn']).toBe('0');
    gateway.script = (request, res) => {
      if (request.headers['x-rookery-refill'] === '1') return says('remembered')(request, res);
      res.writeHead(409).end(JSON.stringify({ error: { code: 'history_required', message: 'x' } }));
    };
    expect(textOf(await say({ message: 'two' }))).toBe('remembered');
    expect(gateway.last.headers['x-rookery-turn']).toBe('2');
    expect((JSON.parse(gateway.last.body) as { messages: unknown }).messages).toEqual([
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'Hello there' },
      { role: 'user', content: 'two' },
    ]);
  });

  it('refills an agent with as many messages as it says it lacks', async () => {
    for (const message of ['one', 'two', 'three']) await say({ message });
    gateway.script = (request, res) => {
      if (request.headers['x-rookery-refill'] === '1') return says('remembered')(request, res);
      res.writeHead(409).end(JSON.stringify({ error: { code: 'history_required', message: 'x', messages: 2 } }));
    };
    await say({ message: 'four' });
    const { messages } = JSON.parse(gateway.last.body) as { messages: { content: string }[] };
    expect(messages.map(({ content }) => content)).toEqual(['three', 'Hello there', 'four']);
  });

  it('tells an agent nothing of the time before its memory was reset, and keeps it for whoever reads', async () => {
    await say({ message: 'before' });
    await edge.db.database.query(
      'UPDATE agents SET memory_reset_at = (SELECT max(created_at) FROM messages WHERE agent_id = $1) WHERE id = $1',
      [agentId],
    );
    await say({ message: 'after' });
    gateway.script = (request, res) => {
      if (request.headers['x-rookery-refill'] === '1') return says('remembered')(request, res);
      res.writeHead(409).end(JSON.stringify({ error: { code: 'history_required', message: 'x' } }));
    };
    await say({ message: 'now' });
    const { messages } = JSON.parse(gateway.last.body) as { messages: { content: string }[] };
    expect(messages.map(({ content }) => content)).toEqual(['after', 'Hello there', 'now']);
    expect(await texts()).toContain('user: before');
  });

  it('gives the context to the agent and keeps it out of the history', async () => {
    await say({ message: 'Hi', context: { name: 'Alice', plan: 'Pro' } });
    const { messages } = JSON.parse(gateway.last.body) as { messages: { role: string; content: string }[] };
    expect(messages.map((message) => message.role)).toEqual(['system', 'user']);
    expect(messages[0]?.content).toContain('name: Alice\nplan: Pro');
    expect(await texts()).toEqual(['user: Hi', 'assistant: Hello there']);
  });

  it('refuses wrong input and changes nothing', async () => {
    for (const request of [
      { message: '  ' },
      { message: 'x'.repeat(32_001) },
      { context: 'x'.repeat(2_001) },
      { context: { a: { b: 1 } } },
      { peerId: '' },
    ]) {
      await expect(send(request)).rejects.toMatchObject({ kind: 'validation' });
    }
    await expect(send({ sessionId: 'sess_none' })).rejects.toMatchObject({ kind: 'not_found' });
    await expect(chat.send({ ...caller, scopes: [] }, agentId, { message: 'x' })).rejects.toMatchObject({
      kind: 'forbidden',
    });
    await expect(chat.send(caller, newId(), { message: 'x' })).rejects.toMatchObject({ kind: 'not_found' });
    expect(await edge.db.database.query('SELECT 1 FROM runs WHERE agent_id = $1', [agentId])).toEqual([]);
    expect(gateway.requests).toHaveLength(0);
  });

  it('refuses to talk to an agent that does not run', async () => {
    await edge.db.database.query(`UPDATE agents SET status = 'stopped', instance_epoch = NULL WHERE id = $1`, [
      agentId,
    ]);
    await expect(send()).rejects.toMatchObject({ kind: 'agent_not_running' });
    await expect(chat.createSession(caller, agentId)).rejects.toMatchObject({ kind: 'agent_not_running' });
    expect(await texts()).toEqual([]);
  });

  it('is invisible to another organisation', async () => {
    const run = await send();
    await all(run.events(stay));
    const { caller: stranger } = await testOrganisation(edge.db.database);
    for (const attempt of [
      () => chat.send(stranger, agentId, { message: 'x' }),
      () => chat.history(stranger, agentId),
      () => chat.history(stranger, agentId, { sessionId: run.sessionId }),
      () => chat.sessions(stranger, agentId),
      () => chat.createSession(stranger, agentId),
      () => all(chat.follow(stranger, agentId, run.runId, { signal: stay })),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ kind: 'not_found' });
    }
  });

  it('makes one default session for callers that race for the first', async () => {
    const runs = await Promise.allSettled(Array.from({ length: 8 }, () => send()));
    const made = runs.flatMap((run) => (run.status === 'fulfilled' ? [run.value] : []));
    for (const run of made) await all(run.events(stay));
    expect(made.length).toBeGreaterThan(0);
    for (const run of runs) {
      if (run.status === 'rejected') expect(run.reason).toMatchObject({ code: 'run_in_progress' });
    }
    expect((await chat.sessions(caller, agentId)).items).toHaveLength(1);
  });

  it('answers one message at a time in a session', async () => {
    const { goOn } = paused(gateway);
    const first = await send();
    await expect(send()).rejects.toMatchObject({ kind: 'conflict', code: 'run_in_progress' });
    const events = all(first.events(stay));
    goOn('b');
    expect(textOf(await events)).toBe('ab');
    gateway.script = says('again');
    expect(textOf(await say())).toBe('again');
    expect(await texts()).toEqual(['user: Hi', 'assistant: ab', 'user: Hi', 'assistant: again']);
  });

  it('keeps peers apart, and a peer together across credentials', async () => {
    const other: Caller = { ...caller, kind: 'apiKey', subject: `key:${newId()}` };
    const a = await send({ message: 'I am A', peerId: 'A' });
    await all(a.events(stay));
    const b = await send({ message: 'I am B', peerId: 'B' });
    await all(b.events(stay));
    await say({ message: 'mine' });
    await say({ message: 'A again', peerId: 'A' }, other);
    expect(gateway.requests.map(({ headers }) => [headers['x-rookery-peer'], headers['x-rookery-turn']])).toEqual([
      ['A', '0'],
      ['B', '0'],
      [undefined, '0'],
      ['A', '2'],
    ]);
    await expect(send({ sessionId: a.sessionId, peerId: 'B' })).rejects.toMatchObject({ kind: 'not_found' });
    await expect(send({ sessionId: a.sessionId })).rejects.toMatchObject({ kind: 'not_found' });
    expect(await texts()).toEqual(['user: mine', 'assistant: Hello there']);
    expect(await texts({ peerId: 'B' })).toEqual(['user: I am B', 'assistant: Hello there']);
    expect(await texts({ sessionId: a.sessionId, peerId: 'A' })).toHaveLength(4);
    await expect(texts({ sessionId: a.sessionId, peerId: 'B' })).rejects.toMatchObject({ kind: 'not_found' });
    expect(await texts({}, other)).toEqual([]);
    await expect(send({ sessionId: (await send()).sessionId }, other)).rejects.toMatchObject({ kind: 'not_found' });
    expect((await chat.sessions(caller, agentId, { peerId: 'A' })).items.map(({ id }) => id)).toEqual([a.sessionId]);
    expect((await chat.sessions(caller, agentId)).items).toHaveLength(3);
  });

  it('goes on in a new session once one is made', async () => {
    const first = await send();
    await all(first.events(stay));
    const made = await chat.createSession(caller, agentId, { name: 'Second' });
    const second = await send();
    await all(second.events(stay));
    expect([second.sessionId, gateway.last.headers['x-rookery-turn']]).toEqual([made.id, '0']);
    const again = await send({ sessionId: first.sessionId });
    await all(again.events(stay));
    expect(gateway.last.headers['x-rookery-turn']).toBe('2');
    const { items, total } = await chat.sessions(caller, agentId);
    expect([items.map(({ id, name }) => [id, name]), total]).toEqual([
      [
        [made.id, 'Second'],
        [first.sessionId, null],
      ],
      2,
    ]);
  });

  it('pages the history: newest by default, first ones after a moment', async () => {
    for (const message of ['1', '2', '3']) await say({ message });
    const { items, total } = await chat.history(caller, agentId, { limit: 2 });
    expect([items.map(({ content }) => content), total]).toEqual([['3', 'Hello there'], 6]);
    expect((await chat.history(caller, agentId, { limit: 9_999 })).items).toHaveLength(6);
    const every = (await chat.history(caller, agentId)).items;
    expect(new Set(every.map(({ createdAt }) => createdAt.getTime())).size).toBe(6);
    const [, second] = every;
    const later = await chat.history(caller, agentId, { since: second?.createdAt as Date, limit: 2 });
    expect(later.items[0]?.content).toBe('2');
    expect(later.items.every(({ createdAt }) => createdAt > (second?.createdAt as Date))).toBe(true);
    expect((await chat.history(caller, agentId, { since: new Date(Date.now() + 60_000) })).items).toEqual([]);
  });

  it('cancels when the client leaves: the agent hears of it and the text so far stays', async () => {
    paused(gateway, 'partial');
    const leaving = new AbortController();
    const run = await send();
    const events = run.events(leaving.signal)[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ text: 'partial' });
    leaving.abort();
    expect((await events.next()).done).toBe(true);
    expect(await gateway.last.left).toBe(true);
    await eventually(async () => (await rowOf(run.runId))?.status !== 'running');
    expect(await rowOf(run.runId)).toMatchObject({ status: 'cancelled', content: 'partial' });
    expect(await texts()).toEqual(['user: Hi', 'assistant: partial']);
    gateway.script = says('next');
    expect(textOf(await say())).toBe('next');
    expect(gateway.last.headers['x-rookery-turn']).toBe('2');
  });

  it('cancels when the client had left before the first event was read', async () => {
    paused(gateway);
    const run = await send();
    expect(await all(run.events(AbortSignal.abort()))).toEqual([]);
    await eventually(async () => (await rowOf(run.runId))?.status === 'cancelled');
  });

  it('goes on without the client when asked to', async () => {
    const { goOn } = paused(gateway);
    const leaving = new AbortController();
    const run = await send({ onDisconnect: 'continue' });
    const events = run.events(leaving.signal)[Symbol.asyncIterator]();
    await events.next();
    leaving.abort();
    goOn('b', 'c');
    await eventually(async () => (await rowOf(run.runId))?.status === 'completed');
    expect(await rowOf(run.runId)).toMatchObject({ content: 'abc' });
  });

  it('fails the run with the text so far when the agent breaks off or reports an error', async () => {
    for (const [script, code] of [
      [(res: { destroy(): void }) => res.destroy(), 'answer_cut'],
      [
        (res: { end(text: string): void }) =>
          res.end(`data: ${JSON.stringify({ error: { code: 'provider_quota', message: 'No credit' } })}\n\n`),
        'provider_quota',
      ],
    ] as const) {
      gateway.script = (_request, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write(textFrame('half'), () => script(res));
      };
      const run = await send();
      const events = await all(run.events(stay));
      expect([textOf(events), events.at(-1)]).toMatchObject(['half', { kind: 'error', code }]);
      expect(await rowOf(run.runId)).toMatchObject({ status: 'failed', error_code: code, content: 'half' });
    }
  });

  it('fails the run when the agent does not answer, and frees the session', async () => {
    const broken = await edge.agent('127.0.0.1:1');
    const run = await chat.send(broken.caller, broken.agentId, { message: 'Hi' });
    expect(await all(run.events(stay))).toEqual([
      { kind: 'error', code: 'agent_unreachable', message: expect.any(String) },
    ]);
    await chat.send(broken.caller, broken.agentId, { message: 'Hi' });
  });

  it('keeps text Postgres would refuse, and pairs that were cut', async () => {
    gateway.script = says('nul \0 ', 'cut \ud83d', '\ude00 lone \ud83d');
    const events = await say();
    expect(textOf(events)).toBe('nul \uFFFD cut 😀 lone \uFFFD');
    expect((await texts())[1]).toBe(`assistant: ${textOf(events)}`);
  });

  it('refuses a reply that would never end', async () => {
    gateway.script = says(...Array<string>(17).fill('x'.repeat(65_000)));
    const run = await send();
    const events = await all(run.events(stay));
    expect(events.at(-1)).toMatchObject({ kind: 'error', code: 'reply_too_long' });
    expect((await rowOf(run.runId))?.content.length).toBeLessThan(1_100_000);
  });

  describe('on another replica', () => {
    let two: INestApplicationContext;
    beforeAll(async () => {
      two = await replica(edge.config);
    });
    afterAll(async () => {
      await two?.close();
    });

    it.each([0, 1])('follows a run from offset %i without losing or repeating text', async (afterOffset) => {
      const { goOn } = paused(gateway, 'ä😀');
      const run = await send({ onDisconnect: 'continue' });
      const here = all(run.events(stay));
      const followed = [chat, two.get(ChatService)].map((service) =>
        all(service.follow(caller, agentId, run.runId, { afterOffset, signal: stay })),
      );
      await eventually(async () => (await rowOf(run.runId))?.content === 'ä😀');
      goOn('b', 'c');
      const whole = textOf(await here);
      for (const events of await Promise.all(followed)) {
        expect(textOf(events)).toBe(whole.slice(afterOffset));
        expect(events.at(-1)).toEqual({ kind: 'done' });
        expect(events.at(-2)).toMatchObject({ offset: whole.length });
      }
      const replayed = await all(
        two.get(ChatService).follow(caller, agentId, run.runId, { afterOffset: 3, signal: stay }),
      );
      expect(replayed).toEqual([{ kind: 'text', offset: 5, text: 'bc' }, { kind: 'done' }]);
    });

    it('ends a follower when its signal fires, without touching the run', async () => {
      const { goOn } = paused(gateway);
      const run = await send({ onDisconnect: 'continue' });
      const leaving = new AbortController();
      const following = all(two.get(ChatService).follow(caller, agentId, run.runId, { signal: leaving.signal }));
      await eventually(async () => (await rowOf(run.runId))?.content === 'a');
      leaving.abort();
      await following;
      goOn('b');
      expect(textOf(await all(run.events(stay)))).toBe('ab');
    });

    it('closes as interrupted what a dead instance left, once, with the text so far', async () => {
      const { goOn } = paused(gateway, 'so far');
      const run = await send({ onDisconnect: 'continue' });
      const ours = all(run.events(stay));
      await eventually(async () => (await rowOf(run.runId))?.content === 'so far');
      const sweeper = two.get(RunSweeper);
      expect(await sweeper.closeRunsOfDeadInstances()).toBe(0);
      const following = all(two.get(ChatService).follow(caller, agentId, run.runId, { signal: stay }));
      await attribute(run.runId, '1 min');
      expect(await eventually(() => sweeper.closeRunsOfDeadInstances(), { timeoutMs: 30_000 })).toBe(1);
      expect(await sweeper.closeRunsOfDeadInstances()).toBe(0);
      expect((await following).at(-1)).toMatchObject({ kind: 'error', code: 'interrupted' });
      goOn('too late');
      expect((await ours).at(-1)).toMatchObject({ kind: 'error', code: 'interrupted' });
      expect(await rowOf(run.runId)).toMatchObject({ status: 'interrupted', content: 'so far' });
    }, 60_000);

    it('does not let a dead instance keep a session busy', async () => {
      paused(gateway);
      const run = await send({ onDisconnect: 'continue' });
      await expect(send()).rejects.toMatchObject({ code: 'run_in_progress' });
      await edge.db.database.query('UPDATE runs SET instance_id = $2 WHERE id = $1', [run.runId, newId()]);
      gateway.script = says('free');
      expect(textOf(await say())).toBe('free');
      expect(await rowOf(run.runId)).toMatchObject({ status: 'interrupted' });
    });
  });

  it('deletes turns past their retention with their messages, then the sessions left without one', async () => {
    const db = edge.db.database;
    gateway.script = says('kept');
    const [old, fresh] = [await send({ peerId: 'retired' }), await send({ peerId: 'recent' })];
    await Promise.all([all(old.events(stay)), all(fresh.events(stay))]);
    await db.query(`UPDATE runs SET started_at = now() - interval '400 days' WHERE id = $1`, [old.runId]);
    await db.query(`UPDATE chat_sessions SET started_at = now() - interval '400 days' WHERE id IN ($1, $2)`, [
      old.sessionId,
      fresh.sessionId,
    ]);
    const yearAgo = new Date(Date.now() - 365 * 86_400_000);
    expect(await one.get(RunSweeper).deleteBefore(yearAgo, 100)).toBe(1);
    expect(await rowOf(old.runId)).toBeUndefined();
    expect(await db.query('SELECT 1 FROM messages WHERE session_id = $1', [old.sessionId])).toEqual([]);
    const left = await db.query<{ id: string }>('SELECT id FROM chat_sessions WHERE id IN ($1, $2)', [
      old.sessionId,
      fresh.sessionId,
    ]);
    expect(left).toEqual([{ id: fresh.sessionId }]);
    expect(await rowOf(fresh.runId)).toMatchObject({ status: 'completed', content: 'kept' });
    expect(await one.get(RunSweeper).deleteBefore(yearAgo, 100)).toBe(0);
  });

  it('lets agents finish their answers when the process ends gracefully, and takes no more', async () => {
    const { goOn } = paused(gateway, 'so far');
    const third = await replica({ ...edge.config, http: { ...edge.config.http, shutdownGraceMs: 20_000 } });
    const run = await third.get(ChatService).send(caller, agentId, { message: 'Hi' });
    const events = all(run.events(stay));
    const closing = third.close();
    await eventually(() => third.get(ChatService).isShuttingDown);
    await expect(third.get(ChatService).send(caller, agentId, { message: 'Hi' })).rejects.toMatchObject({
      code: 'shutting_down',
    });
    goOn(' and the rest');
    expect((await events).at(-1)).toMatchObject({ kind: 'done' });
    await closing;
    expect(await rowOf(run.runId)).toMatchObject({ status: 'completed', content: 'so far and the rest' });
  });

  it('interrupts its runs when the process ends and its patience is over', async () => {
    paused(gateway, 'so far');
    const third = await replica(edge.config);
    const run = await third.get(ChatService).send(caller, agentId, { message: 'Hi', onDisconnect: 'continue' });
    const events = run.events(stay)[Symbol.asyncIterator]();
    await events.next();
    const closing = third.close();
    expect((await events.next()).value).toMatchObject({ kind: 'error', code: 'interrupted' });
    await expect(third.get(ChatService).send(caller, agentId, { message: 'Hi' })).rejects.toMatchObject({
      code: 'shutting_down',
    });
    await closing;
    expect(await rowOf(run.runId)).toMatchObject({ status: 'interrupted', content: 'so far' });
    expect(await gateway.last.left).toBe(true);
  });

  it('outlives a lost database connection without losing or doubling text', async () => {
    const { goOn } = paused(gateway, 'before ');
    const run = await send();
    const events = all(run.events(stay));
    await eventually(async () => (await rowOf(run.runId))?.content === 'before ');
    await edge.db.database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    goOn('after');
    expect(textOf(await events)).toBe('before after');
    expect(await rowOf(run.runId)).toMatchObject({ status: 'completed', content: 'before after' });
  });
});
