// Search of a conversation's messages among a million: by words, by beginnings, by a word that every message has, and for
// text with signs in it. One conversation has a tenth of them all, the others a hundred each.
// Run after the build: node test/bench/messages.bench.mjs [messages=1000000]
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Database, openDataSource } from '#libs/database';
import { ConversationMessagesRepository } from '../../dist/libs/conversations/src/conversations/conversation-messages.repository.js';
import { searchOf } from '../../dist/libs/conversations/src/conversations/message-search.js';
import { Table, openDatabase } from './harness.mjs';

const MESSAGES = Number(process.argv[2] ?? 1_000_000);
const SEARCHES = 200;
const SMALL = 100;
const BATCH = 20_000;

const sentences = globSync('node_modules/{*,@*/*}/README.md', { cwd: join(import.meta.dirname, '..', '..') })
  .slice(0, 300)
  .flatMap((path) => readFileSync(path, 'utf8').split(/(?<=[.!?])\s+/))
  .map((sentence) => sentence.replaceAll(/[^\p{L}\p{N}\s.,!?'%_-]|\s+/gu, ' ').trim())
  .filter(({ length }) => length > 40 && length < 400);
const of = (list, nr) => list[(nr * 7919) % list.length];

const postgres = await openDatabase();
const dataSource = await openDataSource(postgres.url);
try {
  const database = new Database(dataSource);
  const messages = new ConversationMessagesRepository(database);
  const scope = { orgId: randomUUID() };
  const agentId = randomUUID();
  await database.query(`INSERT INTO organisations (id, name, slug) VALUES ($1, 'Bench', 'bench')`, [scope.orgId]);
  await database.query(`INSERT INTO agents (id, org_id, name, region, image) VALUES ($1, $2, 'Bench', 'eu', 'x')`, [
    agentId,
    scope.orgId,
  ]);
  const small = Math.floor((MESSAGES * 0.9) / SMALL);
  await database.query(
    `INSERT INTO chat_sessions (id, org_id, agent_id, owner)
     SELECT 'sess_' || nr, $1, $2, 'user:' || nr FROM generate_series(0, ${small}) nr`,
    [scope.orgId, agentId],
  );
  const sessionOf = (nr) => (nr % 10 === 0 ? 'sess_0' : `sess_${1 + (nr % small)}`);
  for (let nr = 0; nr < MESSAGES; nr += BATCH) {
    const part = Array.from({ length: Math.min(BATCH, MESSAGES - nr) }, (_, at) => nr + at);
    await database.query(
      `INSERT INTO messages (org_id, agent_id, session_id, role, content, search)
       SELECT $1, $2, t.session, 'user', t.content, ${searchOf('t.content')}
         FROM unnest($3::text[], $4::text[]) AS t (session, content)`,
      [
        scope.orgId,
        agentId,
        part.map(sessionOf),
        part.map((at) => `Note ${at}: ${of(sentences, at)} ${of(sentences, at + 5)}`),
      ],
    );
  }
  await database.query('VACUUM ANALYZE messages');

  const words = (nr) =>
    of(sentences, nr)
      .split(/\s+/)
      .filter((word) => /^[a-z]{5,}$/.test(word));
  const kinds = {
    'two words': (nr) => words(nr).slice(0, 2).join(' ') || 'package json',
    'the beginning of a word': (nr) => words(nr)[0]?.slice(0, 4) ?? 'pack',
    'a word that all have': () => 'note',
    'one message': (nr) => `Note ${nr * 10}`,
    'text with signs': (nr) => `${nr}%`,
    'what nobody said': (nr) => `xylophone${nr}`,
  };
  const table = new Table(
    `${MESSAGES} messages, ${SEARCHES} searches of each kind, half in the conversation of a tenth of them`,
  );
  const all = [];
  for (const [name, text] of Object.entries(kinds)) {
    const times = [];
    for (let nr = 0; nr < SEARCHES; nr += 1) {
      const started = performance.now();
      await messages.search(scope, nr % 2 ? 'sess_0' : sessionOf(nr * 7 + 1), text(nr), 20);
      times.push(performance.now() - started);
    }
    all.push(...times);
    table.times(name, times);
  }
  table.times('all kinds', all, { p99: 50 });
  table.finish();
} finally {
  await dataSource.destroy();
  await postgres.close();
}
