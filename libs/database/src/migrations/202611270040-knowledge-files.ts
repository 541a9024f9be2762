import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE knowledge_files (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  base_id uuid NOT NULL REFERENCES knowledge_bases ON DELETE CASCADE,
  name text NOT NULL,
  format text NOT NULL CHECK (format IN ('md','txt','csv','json','html','pdf')),
  charset text,
  chunk_size int NOT NULL,
  metadata jsonb NOT NULL,
  size_bytes int NOT NULL,
  content bytea,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued','loading','completed','failed')),
  chunks_total int,
  chunks_done int NOT NULL DEFAULT 0,
  stored int NOT NULL DEFAULT 0,
  error_code text,
  error_message text,
  epoch int NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  claimed_until timestamptz,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz
);
CREATE INDEX knowledge_files_base_idx ON knowledge_files (base_id, created_at DESC, id);
CREATE INDEX knowledge_files_org_idx ON knowledge_files (org_id);
CREATE INDEX knowledge_files_due_idx ON knowledge_files (created_at) WHERE status IN ('queued','loading');
CREATE INDEX knowledge_files_failed_idx ON knowledge_files (finished_at) WHERE status = 'failed';
ALTER TABLE knowledge_chunks ADD COLUMN file_id uuid REFERENCES knowledge_files;
CREATE INDEX knowledge_chunks_file_idx ON knowledge_chunks (file_id) WHERE file_id IS NOT NULL;
`;

const DOWN = `
ALTER TABLE knowledge_chunks DROP COLUMN IF EXISTS file_id;
DROP TABLE IF EXISTS knowledge_files;
`;

/** Files that become knowledge: what is loaded and how far, and which chunks came of it. */
export class KnowledgeFiles1795740000000 implements MigrationInterface {
  readonly name = 'KnowledgeFiles1795740000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
