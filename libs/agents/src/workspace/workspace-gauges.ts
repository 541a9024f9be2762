import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { Metrics } from '#libs/observability';

const GAUGES = [
  {
    name: 'rookery_workspaces_failing',
    help: 'Agents whose files could not be stored the last time',
    sql: 'SELECT count(*) AS value FROM agent_workspaces WHERE error_code IS NOT NULL',
  },
  {
    name: 'rookery_workspaces_stored_bytes',
    help: 'Bytes that are stored of the files of agents',
    sql: 'SELECT coalesce(sum(bytes), 0) AS value FROM agent_workspaces',
  },
  {
    name: 'rookery_storage_deletions_due',
    help: 'Stored objects that should be deleted by now',
    sql: 'SELECT count(*) AS value FROM storage_deletions WHERE due_at < now() OR deleting',
  },
];

/** What is stored of agents' files, over all hosts, for whoever scrapes the API. */
@Injectable()
export class WorkspaceGauges {
  constructor(@Inject(Metrics) metrics: Metrics, @Inject(Database) database: Database) {
    for (const { name, help, sql } of GAUGES) {
      metrics.gauge(name, help, [], async (gauge) => {
        const [row] = await database.query<{ value: string }>(sql);
        gauge.set({}, Number(row?.value));
      });
    }
  }
}
