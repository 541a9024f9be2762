import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql } from '#libs/database';
import type { HostReport } from './tool-install.js';

const SILENT_AFTER_SECONDS = 30;
const MOST_HOSTS = 1_000;

/** Rows of `tool_hosts`: what each host found. Hosts belong to the platform, not to an organisation. */
@Injectable()
export class ToolHostsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Of hosts that are not given up. */
  reports(on: Sql = this.database): Promise<HostReport[]> {
    return on.query<HostReport>(
      `SELECT h.id AS "hostId", h.incarnation, h.runtime, coalesce(t.methods, '{}') AS methods, coalesce(t.programs, '{}') AS programs,
              coalesce(t.digests, '{}') AS digests,
              h.heartbeat_at > now() - make_interval(secs => $1) AND NOT h.draining AS "isAlive"
         FROM hosts h LEFT JOIN tool_hosts t ON t.host_id = h.id WHERE h.dead_since IS NULL ORDER BY h.id LIMIT $2`,
      [SILENT_AFTER_SECONDS, MOST_HOSTS],
    );
  }

  async report(hostId: string, found: Pick<HostReport, 'methods' | 'programs' | 'digests'>): Promise<void> {
    await this.database.query(
      `INSERT INTO tool_hosts (host_id, methods, programs, digests) VALUES ($1, $2, $3, $4)
       ON CONFLICT (host_id) DO UPDATE SET methods = excluded.methods, programs = excluded.programs, digests = excluded.digests,
         checked_at = now()`,
      [hostId, [...found.methods], JSON.stringify(found.programs), [...found.digests]],
    );
  }

  /** That a digest is there, before the next look around says so. */
  async has(on: Sql, hostId: string, digest: string): Promise<void> {
    await on.query('UPDATE tool_hosts SET digests = array_append(array_remove(digests, $2), $2) WHERE host_id = $1', [
      hostId,
      digest,
    ]);
  }

  /** Digests that agents of the host, or organisations that had it install them, want to be there. */
  async wantedOn(hostId: string): Promise<string[]> {
    const rows = await this.database.query<{ digest: string }>(
      `SELECT digest FROM org_tools WHERE host_id = $1
        UNION SELECT t.digest FROM org_tools t JOIN agent_skill_settings s ON s.org_id = t.org_id AND s.skill_name = t.name AND s.kind = 'cli'
                JOIN agents a ON a.id = s.agent_id WHERE a.host_id = $1`,
      [hostId],
    );
    return rows.map(({ digest }) => digest);
  }
}
