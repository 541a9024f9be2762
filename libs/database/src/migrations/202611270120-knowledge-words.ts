import type { MigrationInterface, QueryRunner } from 'typeorm';

const replaced = (words: string): string => `
DROP INDEX knowledge_chunks_words_idx;
ALTER TABLE knowledge_chunks DROP COLUMN words;
ALTER TABLE knowledge_chunks ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (${words}) STORED;
CREATE INDEX knowledge_chunks_words_idx ON knowledge_chunks USING gin (words);
`;

/** Every chunk holds its base as a word: the index then finds those of one base without looking at others. */
export class KnowledgeWords1795840000000 implements MigrationInterface {
  readonly name = 'KnowledgeWords1795840000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(replaced(`array_to_tsvector(ARRAY['in:' || base_id::text]) || to_tsvector('english', text)`));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(replaced(`to_tsvector('english', text)`));
  }
}
