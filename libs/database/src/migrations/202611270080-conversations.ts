import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
ALTER TABLE chat_sessions
  ADD COLUMN conversation_id uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN user_id uuid REFERENCES users ON DELETE SET NULL,
  ADD COLUMN channel_conversation_id text,
  ADD COLUMN status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE','ARCHIVED','DELETED')),
  ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN archived_at timestamptz,
  ADD COLUMN deleted_at timestamptz,
  ADD COLUMN summary text,
  ADD COLUMN summary_upto bigint;
CREATE UNIQUE INDEX chat_sessions_conversation_key ON chat_sessions (conversation_id);
CREATE UNIQUE INDEX chat_sessions_channel_key ON chat_sessions (org_id, channel, channel_conversation_id)
  WHERE channel_conversation_id IS NOT NULL AND status <> 'DELETED';
CREATE INDEX chat_sessions_user_idx ON chat_sessions (org_id, user_id, started_at DESC, id);
CREATE INDEX chat_sessions_deleted_idx ON chat_sessions (deleted_at) WHERE deleted_at IS NOT NULL;
UPDATE chat_sessions SET user_id = u.id FROM users u WHERE owner = 'user:' || u.id;
UPDATE chat_sessions SET user_id = k.created_by FROM api_keys k WHERE owner = 'key:' || k.id;
ALTER TABLE messages ADD COLUMN metadata jsonb, ADD COLUMN search tsvector;
UPDATE messages SET search = to_tsvector('simple', left(content, 200000)) WHERE content <> '';
CREATE INDEX messages_search_idx ON messages USING gin (search);
`;

const DOWN = `
DROP INDEX messages_search_idx;
ALTER TABLE messages DROP COLUMN metadata, DROP COLUMN search;
ALTER TABLE chat_sessions DROP COLUMN conversation_id, DROP COLUMN user_id, DROP COLUMN channel_conversation_id,
  DROP COLUMN status, DROP COLUMN metadata, DROP COLUMN updated_at, DROP COLUMN archived_at, DROP COLUMN deleted_at,
  DROP COLUMN summary, DROP COLUMN summary_upto;
`;

/** What a session is as a conversation: a user's, of a channel, archived, searchable, summarised. */
export class Conversations1795776000000 implements MigrationInterface {
  readonly name = 'Conversations1795776000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
