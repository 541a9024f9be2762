import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Page, type PageRequest, type Scope, notFound } from '#libs/kernel';
import { type AddMessage, type ConversationMessage, SEARCH_MOST_MATCHES, type SearchMatch } from './conversation.js';
import type { WindowMessage } from './context-window.js';
import { asksForSigns, literalPattern, searchOf } from './message-search.js';

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

/** Every word, the last one also as a beginning; newest first, so that a common word ends the look early. */
const MATCHES_OF_WORDS = `
  SELECT m.content, m.created_at, ts_rank(m.search, q.words) AS rank
    FROM (SELECT to_tsquery('simple', plainto_tsquery('simple', $3)::text || ':*') AS words) q,
         messages m
   WHERE m.org_id = $1 AND m.session_id = $2 AND m.search @@ q.words
   ORDER BY m.id DESC LIMIT $5`;

const MATCHES_OF_SIGNS = `
  SELECT m.content, m.created_at, 0 AS rank FROM (
    SELECT id, content, created_at FROM messages WHERE org_id = $1 AND session_id = $2 AND content <> ''
     ORDER BY id DESC LIMIT ${LITERAL_MOST_MESSAGES}) m
   WHERE m.content ILIKE $4 AND $3::text IS NOT NULL ORDER BY m.id DESC LIMIT $5`;

const BEST = (matches: string): string => `
  WITH matching AS (${matches})
  SELECT content, created_at AS "createdAt", (rank + CASE WHEN content ILIKE $4 THEN 1 ELSE 0 END)::float8 AS score,
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
    const sql = BEST(asksForSigns(text) || !HAS_WORDS.test(text) ? MATCHES_OF_SIGNS : MATCHES_OF_WORDS);
    const values = [scope.orgId, sessionId, text, literalPattern(text), SEARCH_MOST_MATCHES, limit];
    const rows = await this.database.query<SearchMatch & { total: number }>(sql, values);
    return { items: rows, total: rows[0]?.total ?? 0 };
  }
}
