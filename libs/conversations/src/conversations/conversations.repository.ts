import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx, isUniqueViolation } from '#libs/database';
import { type Page, type Scope, conflict, prefixedId } from '#libs/kernel';
import type { Conversation, ConversationStatus, CreateConversation, ListConversations } from './conversation.js';

/** `lastMessageAt` is one look at an index a row. */
const COLUMNS = `
  s.conversation_id AS id, s.id AS "sessionId", s.org_id AS "orgId", s.agent_id AS "agentId", s.user_id AS "userId", s.channel,
  s.channel_conversation_id AS "channelConversationId", s.peer_id AS "peerId", s.name AS title, s.status, s.metadata,
  s.message_count AS "messageCount", s.started_at AS "createdAt", s.updated_at AS "updatedAt", s.archived_at AS "archivedAt",
  (SELECT m.created_at FROM messages m WHERE m.session_id = s.id AND m.content <> '' ORDER BY m.id DESC LIMIT 1) AS "lastMessageAt"`;

const LIST = `
  WITH matching AS (
    SELECT * FROM chat_sessions s WHERE s.org_id = $1 AND s.user_id = $2 AND ($3::uuid IS NULL OR s.agent_id = $3)
       AND CASE WHEN $4::text IS NULL THEN s.status <> 'DELETED' ELSE s.status = $4 END
  ), page AS (SELECT * FROM matching ORDER BY started_at DESC, id LIMIT $5 OFFSET $6)
  SELECT (SELECT count(*)::int FROM matching) AS total, r.* FROM (SELECT 1) one LEFT JOIN (
    SELECT ${COLUMNS} FROM page s
  ) r ON true ORDER BY r."createdAt" DESC, r."sessionId"`;

const INSERT = `
  INSERT INTO chat_sessions AS s (id, conversation_id, org_id, agent_id, owner, user_id, channel, channel_conversation_id,
                                  name, metadata, started_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp()) RETURNING ${COLUMNS}`;

const MOVE = `
  WITH moved AS (UPDATE chat_sessions s SET agent_id = $3, updated_at = now() WHERE s.org_id = $1 AND s.id = $2 RETURNING s.id),
       said AS (UPDATE messages m SET agent_id = $3 FROM moved WHERE m.session_id = moved.id)
  UPDATE runs r SET agent_id = $3 FROM moved WHERE r.session_id = moved.id`;

const TO_STATUS = `
  UPDATE chat_sessions s SET status = $3, updated_at = now(),
         archived_at = CASE WHEN $3 = 'ARCHIVED' THEN coalesce(s.archived_at, now()) ELSE s.archived_at END,
         deleted_at = CASE WHEN $3 = 'DELETED' THEN now() END
   WHERE s.org_id = $1 AND s.id = $2`;

export interface NewConversation extends CreateConversation {
  readonly id: string;
  readonly owner: string;
  readonly ownerUserId: string;
}

/** A conversation under its lock. */
export interface LockedConversation {
  readonly sessionId: string;
  readonly agentId: string;
  readonly status: ConversationStatus;
  readonly isAnswering: boolean;
}

/** Rows of `chat_sessions` as conversations. */
@Injectable()
export class ConversationsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Newest first. */
  async list(scope: Scope, userId: string, query: ListConversations): Promise<Page<Conversation>> {
    const values = [scope.orgId, userId, query.agentId ?? null, query.status ?? null, query.limit, query.offset];
    const rows = await this.database.query<Conversation & { total: number }>(LIST, values);
    return { items: rows.filter(({ id }) => id !== null).map(withoutTotal), total: rows[0]?.total ?? 0 };
  }

  /** Undefined for a deleted one too. */
  async find(scope: Scope, id: string): Promise<Conversation | undefined> {
    const rows = await this.database.query<Conversation>(
      `SELECT ${COLUMNS} FROM chat_sessions s WHERE s.org_id = $1 AND s.conversation_id = $2 AND s.status <> 'DELETED'`,
      [scope.orgId, id],
    );
    return rows[0];
  }

  /** @throws DomainError `conflict` when the channel has a conversation of that id already. */
  async insert(scope: Scope, made: NewConversation): Promise<Conversation> {
    const values = [
      ...[prefixedId('sess', made.id), made.id, scope.orgId, made.agentId, made.owner, made.ownerUserId],
      ...[made.channel ?? 'api', made.channelConversationId ?? null, made.title ?? null, made.metadata ?? {}],
    ];
    try {
      return (await this.database.query<Conversation>(INSERT, values))[0]!;
    } catch (error) {
      if (!isUniqueViolation(error, 'chat_sessions_channel_key')) throw error;
      throw conflict('conversation_exists', 'The channel has a conversation of that channel_conversation_id already');
    }
  }

  /** Locks it against runs, messages and moves until the transaction ends. */
  async lock(tx: Tx, scope: Scope, id: string): Promise<LockedConversation | undefined> {
    const rows = await tx.query<LockedConversation>(
      `SELECT s.id AS "sessionId", s.agent_id AS "agentId", s.status,
              EXISTS (SELECT 1 FROM runs r WHERE r.session_id = s.id AND r.status = 'running') AS "isAnswering"
         FROM chat_sessions s WHERE s.org_id = $1 AND s.conversation_id = $2 AND s.status <> 'DELETED' FOR UPDATE OF s`,
      [scope.orgId, id],
    );
    return rows[0];
  }

  /** With its messages and runs, so that its agent alone can be asked about them. */
  async move(tx: Tx, scope: Scope, sessionId: string, agentId: string): Promise<void> {
    await tx.query(MOVE, [scope.orgId, sessionId, agentId]);
  }

  async setStatus(tx: Tx, scope: Scope, sessionId: string, status: ConversationStatus): Promise<void> {
    await tx.query(TO_STATUS, [scope.orgId, sessionId, status]);
  }

  async isMember(scope: Scope, userId: string): Promise<boolean> {
    const rows = await this.database.query('SELECT 1 FROM memberships WHERE org_id = $1 AND user_id = $2', [
      scope.orgId,
      userId,
    ]);
    return rows.length > 0;
  }
}

function withoutTotal({ total: _, ...conversation }: Conversation & { total: number }): Conversation {
  return conversation;
}
