import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { type Page, type Scope, prefixedId } from '#libs/kernel';
import { type ChatMessage, type ChatSession, SESSIONS_LIMIT } from './chat.js';

/** Which messages a history shows: one session's, or all of an owner's. */
export interface HistoryFilter {
  readonly sessionId: string | null;
  readonly owner: string | null;
  readonly limit: number;
  readonly since: Date | null;
}

interface SessionRow {
  readonly id: string;
  readonly name: string | null;
  readonly channel: string;
  readonly peer_id: string | null;
  readonly started_at: Date;
  readonly status: ChatSession['status'];
  readonly owner: string;
}

interface MessageRow {
  readonly role: ChatMessage['role'];
  readonly content: string;
  readonly created_at: Date;
  readonly session_id: string;
  readonly run_id: string | null;
}

const SESSION_COLUMNS = 's.id, s.name, s.channel, s.peer_id, s.started_at, s.status, s.owner';

const INSERT = `
  INSERT INTO chat_sessions AS s (id, org_id, agent_id, owner, peer_id, name, user_id, started_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp()) RETURNING ${SESSION_COLUMNS}`;

/** A reply without text yet is no message. */
const MATCHING = `
  FROM messages m JOIN chat_sessions s ON s.id = m.session_id
 WHERE m.org_id = $1 AND m.agent_id = $2 AND m.content <> '' AND s.status <> 'DELETED'
   AND ($3::text IS NULL OR s.id = $3) AND ($4::text IS NULL OR s.owner = $4)
   AND ($5::timestamptz IS NULL OR date_trunc('milliseconds', m.created_at) > $5)`;

/** Rows of `chat_sessions`, and what is read of their messages. */
@Injectable()
export class SessionsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  insert(scope: Scope, session: NewSession, sql: Sql = this.database): Promise<ChatSession> {
    const { id = prefixedId('sess'), agentId, owner, peerId, name, userId = null } = session;
    return sql
      .query<SessionRow>(INSERT, [id, scope.orgId, agentId, owner, peerId, name, userId])
      .then((rows) => toSession(rows[0] as SessionRow));
  }

  /** Makes the owner's first session unless one exists; callers that race make one between them. */
  async ensureDefault(scope: Scope, session: NewSession): Promise<void> {
    await this.database.transaction(async (tx: Tx) => {
      await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `chat_session:${session.agentId}:${session.owner}`,
      ]);
      const known = await tx.query(
        `SELECT 1 FROM chat_sessions
          WHERE org_id = $1 AND agent_id = $2 AND owner = $3 AND status = 'ACTIVE' LIMIT 1`,
        [scope.orgId, session.agentId, session.owner],
      );
      if (known.length === 0) await this.insert(scope, session, tx);
    });
  }

  /** Newest first, at most 100; `total` counts no more than that. */
  async list(scope: Scope, agentId: string, owner: string | null): Promise<Page<ChatSession>> {
    const rows = await this.database.query<SessionRow>(
      `SELECT ${SESSION_COLUMNS} FROM chat_sessions s
        WHERE s.org_id = $1 AND s.agent_id = $2 AND ($3::text IS NULL OR s.owner = $3) AND s.status <> 'DELETED'
        ORDER BY s.started_at DESC, s.id DESC LIMIT ${SESSIONS_LIMIT}`,
      [scope.orgId, agentId, owner],
    );
    return { items: rows.map(toSession), total: rows.length };
  }

  async find(scope: Scope, agentId: string, sessionId: string): Promise<ChatSession | undefined> {
    const rows = await this.database.query<SessionRow>(
      `SELECT ${SESSION_COLUMNS} FROM chat_sessions s WHERE s.org_id = $1 AND s.agent_id = $2 AND s.id = $3
          AND s.status <> 'DELETED'`,
      [scope.orgId, agentId, sessionId],
    );
    return rows[0] && toSession(rows[0]);
  }

  /** True unless the agent is missing, deleted or another organisation's. */
  async agentExists(scope: Scope, agentId: string): Promise<boolean> {
    const rows = await this.database.named(
      'conversations.agent',
      `SELECT 1 FROM agents WHERE org_id = $1 AND id = $2 AND desired_state <> 'deleted'`,
      [scope.orgId, agentId],
    );
    return rows.length > 0;
  }

  /** Oldest first: the newest `limit`, or, with `since`, the first `limit` after it, so that a poller misses none. */
  async history(scope: Scope, agentId: string, filter: HistoryFilter): Promise<Page<ChatMessage>> {
    const values = [scope.orgId, agentId, filter.sessionId, filter.owner, filter.since];
    const order = filter.since ? 'ASC' : 'DESC';
    const [counted, rows] = await Promise.all([
      this.database.query<{ total: number }>(`SELECT count(*)::int AS total ${MATCHING}`, values),
      this.database.query<MessageRow>(
        `SELECT m.role, m.content, m.created_at, m.session_id, m.run_id ${MATCHING}
          ORDER BY m.created_at ${order}, m.id ${order} LIMIT $6`,
        [...values, filter.limit],
      ),
    ]);
    const items = rows.map(toMessage);
    return { items: filter.since ? items : items.reverse(), total: counted[0]?.total ?? 0 };
  }
}

export interface NewSession {
  /** A new one unless given. */
  readonly id?: string;
  readonly agentId: string;
  readonly owner: string;
  readonly peerId: string | null;
  readonly name: string | null;
  /** Whose conversation it is; undefined: nobody's who has a login. */
  readonly userId?: string | undefined;
}

const toSession = (row: SessionRow): ChatSession => ({
  id: row.id,
  name: row.name,
  channel: row.channel,
  peerId: row.peer_id,
  startedAt: row.started_at,
  status: row.status,
  owner: row.owner,
});

const toMessage = (row: MessageRow): ChatMessage => ({
  role: row.role,
  content: row.content,
  createdAt: row.created_at,
  sessionId: row.session_id,
  runId: row.run_id,
});
