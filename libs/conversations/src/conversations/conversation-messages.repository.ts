import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Page, type PageRequest, type Scope, notFound } from '#libs/kernel';
import { type AddMessage, type ConversationMessage, SEARCH_MOST_MATCHES, type SearchMatch } from './conversation.js';
import type { WindowMessage } from './context-window.js';
import { asksForSigns, comparisonOf, literalPattern, searchOf } from './message-search.js';

const HAS_WORDS = /[\p{L}\p{N}]/u;

/** A text with signs in it (`100%`, `--`) is looked for as it stands, in so many of the newest messages. */
const LITERAL_MOST_MESSAGES = 10_000;

const COLUMNS = `m.id::text, m.role, m.content, m.created_at AS "createdAt", coalesce(m.metadata, '{}') AS metadata`;

/** A message and the one before it never share a millisecond. */
const INSERT = `
  WITH session AS (
    UPDATE chat_sessions SET message_count = message_count + 1, updated_at = now() WHERE org_id = $1 AND id = $2
    RETURNING id, agent_id, org_id)
  INSERT INTO messages AS m (org_id, agent_id, session_id, role, content, metadata, search, created_at)
  SELECT s.org_id, s.agent_id, s.id, $3, $4, $5, ${searchOf('$4::text')}, GREATEST(clock_timestamp(), (
           SELECT created_at + interval '1 ms' FROM messages b WHERE b.session_id = s.id ORDER BY id DESC LIMIT 1))
    FROM session s RETURNING ${COLUMNS}`;

const PAGE = `
  SELECT ${COLUMNS}, (SELECT count(*)::int FROM messages m WHERE m.org_id = $1 AND m.session_id = $2 AND m.content <> '') AS total
    FROM messages m WHERE m.org_id = $1 AND m.session_id = $2 AND m.content <> '' ORDER BY m.id LIMIT $3 OFFSET $4`;

/** The planner may not know which conversation it is: for a large one it would read all messages, those of others too, from the newest on. */
const FROM_NEWEST = 'org_id = $1 AND session_id = (SELECT $2::text)';

/** Words are looked for in so many of the newest messages first: reading them takes less than an index where a word is common. */
const NEAR_MESSAGES = 1_000;

/**
 * Every word, the last one also as a beginning, newest first. Only where the newest messages hold too few is the index of words asked about
 * those before; the planner, which knows nothing of how common a beginning is, has no choice in either.
 */
const MATCHES_OF_WORDS = `
  WITH q AS MATERIALIZED (SELECT to_tsquery('simple', plainto_tsquery('simple', $3)::text || ':*') AS words),
  newest AS MATERIALIZED (
    SELECT id FROM messages WHERE session_id = $2 ORDER BY id DESC OFFSET ${NEAR_MESSAGES} LIMIT 1),
  near AS MATERIALIZED (
    SELECT m.id, m.content, m.created_at, ts_rank(m.search, q.words) AS rank
      FROM q, (SELECT id, content, created_at, search FROM messages
                WHERE ${FROM_NEWEST} AND id > coalesce((SELECT id FROM newest), 0) OFFSET 0) m
     WHERE m.search @@ q.words),
  far AS MATERIALIZED (
    SELECT m.id, m.org_id, m.content, m.created_at, ts_rank(m.search, q.words) AS rank FROM q, messages m
     WHERE ARRAY[m.session_id] @> ARRAY[$2::text] AND m.search @@ q.words
       AND (SELECT id FROM newest) IS NOT NULL AND (SELECT count(*) FROM near) < $6)
  SELECT content, created_at, rank FROM (
    SELECT id, content, created_at, rank FROM near
    UNION ALL SELECT id, content, created_at, rank FROM far WHERE org_id = $1 AND id <= (SELECT id FROM newest)) found
   ORDER BY id DESC LIMIT $5`;

const matchesOfSigns = (literally: string): string => `
  WITH oldest AS MATERIALIZED (
    SELECT id FROM messages WHERE session_id = $2 ORDER BY id DESC OFFSET ${LITERAL_MOST_MESSAGES - 1} LIMIT 1)
  SELECT content, created_at, 0 AS rank FROM messages
   WHERE ${FROM_NEWEST} AND id >= coalesce((SELECT id FROM oldest), 0) AND content <> '' AND ${literally} $4
     AND $3::text IS NOT NULL ORDER BY id DESC LIMIT $5`;

const best = (matches: string, literally: string): string => `
  WITH matching AS (${matches})
  SELECT content, created_at AS "createdAt", (rank + CASE WHEN ${literally} $4 THEN 1 ELSE 0 END)::float8 AS score,
         (SELECT count(*)::int FROM matching) AS total
    FROM matching ORDER BY score DESC, created_at DESC LIMIT $6`;

/** Messages of one conversation. */
@Injectable()
export class ConversationMessagesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async insert(tx: Tx, scope: Scope, sessionId: string, message: AddMessage): Promise<ConversationMessage> {
    const values = [scope.orgId, sessionId, message.role, message.content, message.metadata ?? null];
    return (await tx.query<ConversationMessage>(INSERT, values))[0]!;
  }

  /** The id of a turn's answer. */
  async replyOf(scope: Scope, runId: string): Promise<string> {
    const [row] = await this.database.query<{ id: string }>(
      `SELECT id::text FROM messages WHERE org_id = $1 AND run_id = $2 AND role = 'assistant'`,
      [scope.orgId, runId],
    );
    if (!row) throw notFound('Message');
    return row.id;
  }

  /** Oldest first. */
  async page(scope: Scope, sessionId: string, { limit, offset }: PageRequest): Promise<Page<ConversationMessage>> {
    const values = [scope.orgId, sessionId, limit, offset];
    const rows = await this.database.query<ConversationMessage & { total: number }>(PAGE, values);
    const total = rows[0]?.total ?? (offset === 0 ? 0 : await this.count(scope, sessionId));
    return { items: rows, total };
  }

  async count(scope: Scope, sessionId: string, upto?: string): Promise<number> {
    const rows = await this.database.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM messages WHERE org_id = $1 AND session_id = $2 AND content <> ''
          AND ($3::bigint IS NULL OR id <= $3)`,
      [scope.orgId, sessionId, upto ?? null],
    );
    return rows[0]?.total ?? 0;
  }

  /** Newest first. */
  newest(scope: Scope, sessionId: string, limit: number): Promise<WindowMessage[]> {
    return this.database.query<WindowMessage>(
      `SELECT id::text, role, content FROM messages WHERE org_id = $1 AND session_id = $2 AND content <> ''
        ORDER BY id DESC LIMIT $3`,
      [scope.orgId, sessionId, limit],
    );
  }

  /** Oldest first, behind one message (null: from the first) and before another. */
  between(
    scope: Scope,
    sessionId: string,
    after: string | null,
    before: string,
    limit: number,
  ): Promise<WindowMessage[]> {
    return this.database.query<WindowMessage>(
      `SELECT id::text, role, content FROM messages WHERE org_id = $1 AND session_id = $2 AND content <> ''
          AND ($3::bigint IS NULL OR id > $3) AND id < $4 ORDER BY id LIMIT $5`,
      [scope.orgId, sessionId, after, before, limit],
    );
  }

  /** The best of the newest {@link SEARCH_MOST_MATCHES} matches; what was asked for word for word comes first. */
  async search(scope: Scope, sessionId: string, text: string, limit: number): Promise<Page<SearchMatch>> {
    const literally = comparisonOf(text, 'content');
    const hasSigns = asksForSigns(text) || !HAS_WORDS.test(text);
    const sql = best(hasSigns ? matchesOfSigns(literally) : MATCHES_OF_WORDS, literally);
    const values = [scope.orgId, sessionId, text, literalPattern(text), SEARCH_MOST_MATCHES, limit];
    const rows = await this.database.query<SearchMatch & { total: number }>(sql, values);
    return { items: rows, total: rows[0]?.total ?? 0 };
  }
}
