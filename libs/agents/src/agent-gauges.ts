import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { Metrics } from '#libs/observability';
import { AGENT_STATUSES } from './agent.state.js';

/** How many agents are in which state, over all hosts, for whoever scrapes the API. */
@Injectable()
export class AgentGauges {
  constructor(@Inject(Metrics) metrics: Metrics, @Inject(Database) database: Database) {
    metrics.gauge('rookery_agents', 'Agents by state, but for deleted ones', ['status'], async (gauge) => {
      const rows = await database.query<{ status: string; agents: number }>(
        `SELECT status, count(*)::int AS agents FROM agents WHERE status <> 'deleted' GROUP BY status`,
      );
      const counted = new Map(rows.map(({ status, agents }) => [status, agents]));
      for (const status of AGENT_STATUSES.filter((name) => name !== 'deleted')) {
        gauge.set({ status }, counted.get(status) ?? 0);
      }
    });
  }
}
