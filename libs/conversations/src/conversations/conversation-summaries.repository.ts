import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';

/** What is known of a conversation's past in short. */
export interface StoredSummary {
  readonly sessionId: string;
  readonly agentId: string;
  readonly peerId: string | null;
  readonly summary: string | null;
  /** Id of the last message it covers. */
  readonly upto: string | null;
}

/** The column pair `summary`, `summary_upto` of `chat_sessions`. */
@Injectable()
export class ConversationSummariesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async find(scope: Scope, conversationId: string): Promise<StoredSummary | undefined> {
    const rows = await this.database.query<StoredSummary>(
      `SELECT id AS "sessionId", agent_id AS "agentId", peer_id AS "peerId", summary, summary_upto::text AS upto
         FROM chat_sessions WHERE org_id = $1 AND conversation_id = $2 AND status <> 'DELETED'`,
      [scope.orgId, conversationId],
    );
    return rows[0];
  }

  /** @returns false when somebody else went on from the same summary first. */
  async replace(scope: Scope, before: StoredSummary, summary: string, upto: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE chat_sessions SET summary = $3, summary_upto = $4
        WHERE org_id = $1 AND id = $2 AND summary_upto IS NOT DISTINCT FROM $5::bigint RETURNING 1`,
      [scope.orgId, before.sessionId, summary, upto, before.upto],
    );
    return rows.length > 0;
  }
}
