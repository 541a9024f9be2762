import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { HostBeat } from './host-silence.js';
import {
  HOST_SILENT_AFTER_SECONDS,
  type Host,
  type HostRegistration,
  type PlacedHost,
  type Placement,
} from './host.js';

const PLACEMENT_LOCK = 7_266_840;

const REGISTER = `
  INSERT INTO hosts (id, region, runtime, edge_url, capacity_agents) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (id) DO UPDATE SET region = excluded.region, runtime = excluded.runtime, edge_url = excluded.edge_url,
    capacity_agents = excluded.capacity_agents, incarnation = hosts.incarnation + 1, heartbeat_at = now(),
    dead_since = NULL
  RETURNING incarnation`;

const LEAST_LOADED = `
  SELECT h.id, h.incarnation, (h.capacity_agents - load.agents)::int AS room
    FROM hosts h
    CROSS JOIN LATERAL (
      SELECT (SELECT count(*) FROM agents a WHERE a.host_id = h.id AND a.status <> 'deleted')
           + (SELECT count(*) FROM agents a WHERE a.next_host_id = h.id) AS agents) load
   WHERE h.heartbeat_at > now() - make_interval(secs => $2) AND h.dead_since IS NULL AND NOT h.draining
     AND (h.region = '' OR h.region = $1) AND ($3::text IS NULL OR h.runtime = $3) AND load.agents < h.capacity_agents
   ORDER BY load.agents::float / h.capacity_agents, h.id
   LIMIT 1`;

const HOSTS = `
  SELECT h.id, h.region, h.runtime, h.draining, h.capacity_agents AS "capacityAgents", h.incarnation,
         h.heartbeat_at AS "heartbeatAt", h.dead_since AS "deadSince", h.created_at AS "createdAt",
         coalesce(load.agents, 0)::int AS agents, coalesce(load.leaving, 0)::int AS leaving,
         CASE WHEN h.dead_since IS NOT NULL THEN 'dead'
              WHEN h.heartbeat_at <= now() - make_interval(secs => ${HOST_SILENT_AFTER_SECONDS}) THEN 'silent'
              WHEN h.draining THEN 'draining' ELSE 'alive' END AS state
    FROM hosts h
    LEFT JOIN (SELECT host_id, count(*) AS agents, count(next_host_id) AS leaving
                 FROM agents WHERE status <> 'deleted' GROUP BY host_id) load ON load.host_id = h.id`;

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

  /** The least loaded living host with room; room is counted under a lock held to the end of `tx`. */
  async place(tx: Tx, { region, runtime }: Placement): Promise<PlacedHost | undefined> {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [PLACEMENT_LOCK]);
    const rows = await tx.query<PlacedHost>(LEAST_LOADED, [region, HOST_SILENT_AFTER_SECONDS, runtime ?? null]);
    return rows[0];
  }

  beats(): Promise<HostBeat[]> {
    return this.database.named<HostBeat>('hosts.beats', 'SELECT id, heartbeat_at::text AS beat FROM hosts', []);
  }

  /** Those of `ids` that have not beaten meanwhile. */
  async markDead(beats: readonly HostBeat[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `UPDATE hosts SET dead_since = now() FROM unnest($1::text[], $2::text[]) AS silent (id, beat)
        WHERE hosts.id = silent.id AND hosts.heartbeat_at::text = silent.beat AND dead_since IS NULL RETURNING hosts.id`,
      [beats.map(({ id }) => id), beats.map(({ beat }) => beat)],
    );
    return rows.map(({ id }) => id);
  }

  async list({ limit, offset }: { readonly limit: number; readonly offset: number }): Promise<[Host[], number]> {
    const rows = await this.database.query<Host>(`${HOSTS} ORDER BY h.id LIMIT $1 OFFSET $2`, [limit, offset]);
    const [count] = await this.database.query<{ total: number }>('SELECT count(*)::int AS total FROM hosts');
    return [rows, count?.total ?? 0];
  }

  async find(id: string): Promise<Host | undefined> {
    return (await this.database.query<Host>(`${HOSTS} WHERE h.id = $1`, [id]))[0];
  }

  /** Moves that have not begun are called off with the draining. @returns false when there is no such host. */
  async setDraining(tx: Tx, id: string, draining: boolean): Promise<boolean> {
    const rows = await tx.query('UPDATE hosts SET draining = $2 WHERE id = $1 RETURNING id', [id, draining]);
    if (!draining) await tx.query('UPDATE agents SET next_host_id = NULL WHERE host_id = $1', [id]);
    return rows.length > 0;
  }
}
