import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Database, type Tx } from '#libs/database';
import { type HostPattern, hostPattern } from '#libs/egress';
import { type Scope, invalid } from '#libs/kernel';

/** Hosts of one source, for example of one skill. */
const MOST_HOSTS = 100;

const STANDING = `
  SELECT a.id, a.instance_epoch::float8 AS epoch, ARRAY (
           SELECT jsonb_array_elements_text(CASE jsonb_typeof(a.config #> '{egress,allowHosts}')
                    WHEN 'array' THEN a.config #> '{egress,allowHosts}' ELSE '[]' END)
           UNION SELECT host FROM agent_egress_hosts h WHERE h.org_id = a.org_id AND h.agent_id = a.id) AS hosts
    FROM agents a
   WHERE a.id = ANY ($1) AND a.host_id = $2 AND a.desired_state <> 'deleted' AND a.status <> 'deleted'`;

/** How an agent stands now. */
export interface EgressStanding {
  /** Of the instance that may act; null when none may. */
  readonly epoch: number | null;
  readonly approved: readonly HostPattern[];
}

/**
 * Which hosts agents may reach through the egress proxy: those in `config.egress.allowHosts`, and those that other domains
 * put down with `approve` under a name of their own (`skill:<id>`, `channel:<id>`). It holds from the next connection on, and open
 * ones to a host that is approved no more are cut within 2 s; no restart is needed.
 */
@Injectable()
export class EgressPolicy {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
  ) {}

  /** For agents of this host whose tokens were checked; the others, and deleted ones, are left out. */
  async standing(agentIds: readonly string[]): Promise<Map<string, EgressStanding>> {
    const rows = await this.database.named<{ id: string; epoch: number | null; hosts: string[] }>(
      'agents.egress',
      STANDING,
      [agentIds, this.config.host.id],
    );
    return new Map(rows.map(({ id, epoch, hosts }) => [id, { epoch, approved: patterns(hosts) }]));
  }

  /**
   * Approves these hosts (as `config.egress.allowHosts` spells them) for one agent and takes back what the same source approved before.
   * An empty list takes all of it back.
   * @throws DomainError `validation` naming the host that is none.
   */
  async approve(tx: Tx, scope: Scope, agentId: string, source: string, hosts: readonly string[]): Promise<void> {
    refuseWrong(hosts);
    await tx.query('DELETE FROM agent_egress_hosts WHERE org_id = $1 AND agent_id = $2 AND source = $3', [
      scope.orgId,
      agentId,
      source,
    ]);
    await tx.query(
      `INSERT INTO agent_egress_hosts (org_id, agent_id, source, host)
       SELECT $1, id, $3, unnest($4::text[]) FROM agents WHERE org_id = $1 AND id = $2`,
      [scope.orgId, agentId, source, [...new Set(hosts)]],
    );
  }

  /** What one source approved for an agent. */
  async approvedBy(tx: Tx, scope: Scope, agentId: string, source: string): Promise<string[]> {
    const sql = 'SELECT host FROM agent_egress_hosts WHERE org_id = $1 AND agent_id = $2 AND source = $3 ORDER BY host';
    return (await tx.query<{ host: string }>(sql, [scope.orgId, agentId, source])).map(({ host }) => host);
  }

  /** For many agents, whosever they are. @throws DomainError `validation` */
  async approveAll(tx: Tx, agentIds: readonly string[], source: string, hosts: readonly string[]): Promise<void> {
    refuseWrong(hosts);
    await this.withdraw(tx, agentIds, source);
    await tx.query(
      `INSERT INTO agent_egress_hosts (org_id, agent_id, source, host)
       SELECT org_id, id, $2, host FROM agents, unnest($3::text[]) host WHERE id = ANY ($1::uuid[])`,
      [agentIds, source, [...new Set(hosts)]],
    );
  }

  /** Takes back what one source approved for any of these agents, whosever they are. */
  async withdraw(tx: Tx, agentIds: readonly string[], source: string): Promise<void> {
    const sql = 'DELETE FROM agent_egress_hosts WHERE agent_id = ANY ($1::uuid[]) AND source = $2';
    await tx.query(sql, [agentIds, source]);
  }
}

function refuseWrong(hosts: readonly string[]): void {
  const wrong = hosts.find((host) => hostPattern(host) === undefined);
  if (wrong !== undefined) throw invalid(`${wrong.slice(0, 100)} is no host that can be approved`);
  if (hosts.length > MOST_HOSTS) throw invalid(`At most ${MOST_HOSTS} hosts can be approved at once`);
}

/** Without what older versions let into a config. */
const patterns = (hosts: readonly string[]): HostPattern[] =>
  hosts.flatMap((host) => {
    const pattern = hostPattern(host);
    return pattern ? [pattern] : [];
  });
