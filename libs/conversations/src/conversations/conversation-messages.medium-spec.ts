import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TestDatabase, testDatabase, testOrganisation } from '#libs/testing';
import { ConversationMessagesRepository } from './conversation-messages.repository.js';
import { searchOf } from './message-search.js';

const MESSAGES = 2_500;

describe('ConversationMessagesRepository in a conversation of many messages', () => {
  let db: TestDatabase;
  let messages: ConversationMessagesRepository;
  let scope: { orgId: string };
  let agentId: string;

  beforeAll(async () => {
    db = await testDatabase();
    scope = { orgId: (await testOrganisation(db.database)).orgId };
    messages = new ConversationMessagesRepository(db.database);
    const [agent] = await db.database.query<{ id: string }>(
      `INSERT INTO agents (id, org_id, name, region, image) VALUES (gen_random_uuid(), $1, 'Agent', 'eu', 'x') RETURNING id`,
      [scope.orgId],
    );
    agentId = agent!.id;
    await fill(
      'many',
      "'message ' || nr || CASE WHEN nr < 30 THEN ' marzipan' WHEN nr % 100 = 0 THEN ' hazelnut' ELSE '' END",
    );
    await fill('other', "'marzipan of somebody else ' || nr");
  });
  afterAll(() => db.close());

  async function fill(sessionId: string, content: string): Promise<void> {
    await db.database.query(
      `INSERT INTO chat_sessions (id, org_id, agent_id, owner) VALUES ($1, $2, $3, 'user:' || $1)`,
      [sessionId, scope.orgId, agentId],
    );
    await db.database.query(
      `INSERT INTO messages (org_id, agent_id, session_id, role, content, search)
       SELECT $1, $2, $3, 'user', t.content, ${searchOf('t.content')}
         FROM (SELECT ${content} AS content FROM generate_series(1, ${MESSAGES}) nr ORDER BY nr) t`,
      [scope.orgId, agentId, sessionId],
    );
  }
  async function add(content: string): Promise<void> {
    await db.database.transaction((tx) => messages.insert(tx, scope, 'signs', { role: 'user', content }));
  }
  const found = (text: string, limit = 20, by = scope) => messages.search(by, 'many', text, limit);
  const contents = async (text: string, limit?: number): Promise<string[]> =>
    (await found(text, limit)).items.map(({ content }) => content).sort();

  it('finds the oldest messages, and none of another conversation', async () => {
    const { total, items } = await found('marzipan', 50);
    expect(total).toBe(29);
    expect(items.every(({ content }) => /^message \d+ marzipan$/.test(content))).toBe(true);
    expect(await contents('marzi', 50)).toEqual(items.map(({ content }) => content).sort());
  });

  it('finds old and new ones of a word that stands everywhere now and then', async () => {
    const { total } = await found('hazelnut', 25);
    expect(total).toBe(25);
    expect(new Set(await contents('hazelnut', 25))).toContain('message 100 hazelnut');
  });

  it('finds each message once where the newest end', async () => {
    for (const nr of [7, MESSAGES - 1_001, MESSAGES - 1_000, MESSAGES - 999, MESSAGES - 1, MESSAGES]) {
      const numbers = (await contents(`message ${nr}`, 500)).map((content) => Number(content.split(' ')[1]));
      expect(numbers.filter((each) => each === nr)).toEqual([nr]);
    }
  });

  it('asks for the newest first of a word that all have', async () => {
    const { items, total } = await found('message', 5);
    expect(total).toBe(1_000);
    expect(items.map(({ content }) => content.split(' ')[1])).toEqual(['2500', '2499', '2498', '2497', '2496']);
  });

  it('takes large and small letters of any language for the same, with signs as without', async () => {
    await fill('signs', `'nothing of it ' || nr`);
    for (const content of ['Now 50% LESS', 'Jetzt 50% GÜNSTIGER', 'ЦЕНА 50%']) await add(content);
    const bySigns = async (text: string) =>
      (await messages.search(scope, 'signs', text, 9)).items.map(({ content }) => content);
    expect(await bySigns('50% less')).toEqual(['Now 50% LESS']);
    expect(await bySigns('50% günst')).toEqual(['Jetzt 50% GÜNSTIGER']);
    expect(await bySigns('цена 50%')).toEqual(['ЦЕНА 50%']);
    expect(await bySigns('50%')).toHaveLength(3);
    expect(await bySigns('günst')).toEqual(['Jetzt 50% GÜNSTIGER']);
  });

  it('finds nothing for another organisation', async () => {
    const other = await testOrganisation(db.database);
    expect(await found('marzipan', 50, { orgId: other.orgId })).toEqual({ items: [], total: 0 });
  });
});
