import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { HOST_SILENT_AFTER_SECONDS, type HostRegistration, type PlacedHost } from './host.js';

const PLACEMENT_LOCK = 7_266_840;

const REGISTER = `
  INSERT INTO hosts (id, region, runtime, edge_url, capacity_agents) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (id) DO UPDATE SET region = excluded.region, runtime = excluded.runtime, edge_url = excluded.edge_url,
    capacity_agents = excluded.capacity_agents, incarnation = hosts.incarnation + 1, heartbeat_at = now(),
    dead_since = NULL
  RETURNING incarnation`;

const LEAST_LOADED = `
  SELECT h.id, h.incarnation
    FROM hosts h
    CROSS JOIN LATERAL (SELECT count(*) AS agents FROM agents a WHERE a.host_id = h.id AND a.status <> 'deleted') load
   WHERE h.heartbeat_at > now() - make_interval(secs => $2) AND h.dead_since IS NULL AND NOT h.draining
     AND (h.region = '' OR h.region = $1) AND load.agents < h.capacity_agents
   ORDER BY load.agents::float / h.capacity_agents, h.id
   LIMIT 1`;

/** The machines that run agents; they belong to the platform, not to an organisation. */
@Injectable()
export class HostsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Announces the host. @returns its new incarnation, which tells this worker from those before it. */
  async register(host: HostRegistration): Promise<number> {
    const values = [host.id, host.region, host.runtime, host.edgeUrl, host.capacityAgents];
    const [row] = await this.database.query<{ incarnation: number }>(REGISTER, values);
    if (!row) throw new Error(`Host ${host.id} could not be registered`);
    return row.incarnation;
  }

  /** @returns false when a later worker has taken the host over. */
  async beat(id: string, incarnation: number): Promise<boolean> {
    const rows = await this.database.named<{ id: string }>(
      'hosts.beat',
      'UPDATE hosts SET heartbeat_at = now(), dead_since = NULL WHERE id = $1 AND incarnation = $2 RETURNING id',
      [id, incarnation],
    );
    return rows.length > 0;
  }

  /** Lets nothing more be placed on a host whose worker ends. */
  async silence(id: string, incarnation: number): Promise<void> {
    await this.database.query(
      `UPDATE hosts SET heartbeat_at = now() - make_interval(secs => $3) WHERE id = $1 AND incarnation = $2`,
      [id, incarnation, HOST_SILENT_AFTER_SECONDS],
    );
  }

  /** The least loaded living host of the region with room; room is counted under a lock held to the end of `tx`. */
  async place(tx: Tx, region: string): Promise<PlacedHost | undefined> {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [PLACEMENT_LOCK]);
    const rows = await tx.query<PlacedHost>(LEAST_LOADED, [region, HOST_SILENT_AFTER_SECONDS]);
    return rows[0];
  }
}
