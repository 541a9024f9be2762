import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which runs of an agent are under way, asked with each of its model calls. */
export class RunningRuns1796101000000 implements MigrationInterface {
  readonly name = 'RunningRuns1796101000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX runs_running_idx ON runs (agent_id) WHERE status = 'running'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX IF EXISTS runs_running_idx');
  }
}
