import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = `
CREATE TABLE knowledge_bases (
  id uuid PRIMARY KEY,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  swarm_id uuid UNIQUE REFERENCES swarms ON DELETE CASCADE,
  agent_id uuid UNIQUE REFERENCES agents ON DELETE CASCADE,
  embedder text NOT NULL,
  head int NOT NULL DEFAULT 0,
  vector_head bigint NOT NULL DEFAULT 0,
  deletions bigint NOT NULL DEFAULT 0,
  chunk_count int NOT NULL DEFAULT 0,
  claimed_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (num_nonnulls(swarm_id, agent_id) = 1)
);
CREATE INDEX knowledge_bases_org_idx ON knowledge_bases (org_id);
CREATE INDEX knowledge_bases_embedder_idx ON knowledge_bases (embedder);
CREATE TABLE knowledge_chunks (
  base_id uuid NOT NULL REFERENCES knowledge_bases ON DELETE CASCADE,
  seq int NOT NULL,
  id uuid NOT NULL UNIQUE,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  source text NOT NULL,
  type text NOT NULL,
  text text NOT NULL,
  text_hash bytea NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  words tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('english', text)) STORED,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (base_id, seq)
);
CREATE UNIQUE INDEX knowledge_chunks_text_idx ON knowledge_chunks (base_id, text_hash);
CREATE INDEX knowledge_chunks_source_idx ON knowledge_chunks (base_id, source, seq);
CREATE INDEX knowledge_chunks_words_idx ON knowledge_chunks USING gin (words);
CREATE TABLE knowledge_embeddings (
  base_id uuid NOT NULL,
  embedder text NOT NULL,
  seq int NOT NULL,
  org_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  pos bigint NOT NULL,
  vector bytea NOT NULL,
  PRIMARY KEY (base_id, embedder, seq),
  FOREIGN KEY (base_id, seq) REFERENCES knowledge_chunks ON DELETE CASCADE
);
CREATE UNIQUE INDEX knowledge_embeddings_pos_idx ON knowledge_embeddings (base_id, embedder, pos);
ALTER TABLE knowledge_embeddings ALTER COLUMN vector SET STORAGE EXTERNAL;
`;

const DOWN = 'DROP TABLE IF EXISTS knowledge_embeddings, knowledge_chunks, knowledge_bases CASCADE;';

/** What agents and swarms know: texts, and their vectors where the database has no vector extension. */
export class Knowledge1795405200000 implements MigrationInterface {
  readonly name = 'Knowledge1795405200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN);
  }
}
