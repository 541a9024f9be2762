import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { Logger } from '#libs/observability';
import { AgentJournal, type Changed } from '../agent-journal.js';
import type { AgentStatus } from '../agent.state.js';
import { HOST_SILENT_AFTER_SECONDS, type PlacedHost, type Placement } from './host.js';
import { HostSilence } from './host-silence.js';
import { HostsRepository } from './hosts.repository.js';

/** Agents that leave a draining host at once. */
const LEAVING_AT_ONCE = 4;
const MOVES_A_BATCH = 50;

/** Agents of dead hosts by where they may go; those that were told that there is no room are asked about again. */
const STRANDED = `
  SELECT h.id AS "hostId", a.region, h.runtime, count(*) FILTER (WHERE a.error_category IS DISTINCT FROM 'host_lost')::int AS untold
    FROM hosts h JOIN agents a ON a.host_id = h.id AND a.status <> 'deleted'
   WHERE h.dead_since IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2`;

const BETWEEN = `CASE desired_state WHEN 'running' THEN 'restarting' WHEN 'stopped' THEN 'stopping' ELSE 'deleting' END`;

const PICK = `
  picked AS (
    SELECT a.id, a.status AS former FROM agents a JOIN hosts h ON h.id = a.host_id AND h.dead_since IS NOT NULL
     WHERE a.host_id = $1 AND a.region = $2 AND a.status <> 'deleted'`;

/** The epoch voids the copy on the lost host: it can neither spend, answer nor write. What was given up stays so. */
const MOVE = `
  WITH ${PICK} ORDER BY a.desired_state = 'running' DESC, a.id LIMIT $4 FOR UPDATE OF a SKIP LOCKED)
  UPDATE agents a SET host_id = $3, next_host_id = NULL, epoch = epoch + 1, instance_epoch = NULL, endpoint = NULL,
         status = CASE WHEN former = 'running' OR error_category = 'host_lost' THEN ${BETWEEN} ELSE former END,
         next_attempt_at = CASE WHEN error_category = 'host_lost' THEN NULL ELSE next_attempt_at END,
         last_error = CASE WHEN error_category = 'host_lost' THEN NULL ELSE last_error END,
         error_category = CASE WHEN error_category = 'host_lost' THEN NULL ELSE error_category END,
         event_seq = event_seq + 1, updated_at = now()
    FROM picked WHERE a.id = picked.id RETURNING a.id, a.org_id, a.event_seq, a.status, former`;

/** Due as soon as the host is back, or another has room. */
const STRAND = `
  WITH ${PICK} AND a.error_category IS DISTINCT FROM 'host_lost' ORDER BY a.id LIMIT $4 FOR UPDATE OF a SKIP LOCKED)
  UPDATE agents a SET epoch = epoch + 1, instance_epoch = NULL, endpoint = NULL, next_host_id = NULL, next_attempt_at = NULL,
         status = CASE desired_state WHEN 'running' THEN 'error' WHEN 'stopped' THEN 'stopping' ELSE 'deleting' END,
         last_error = $3, error_category = 'host_lost', event_seq = event_seq + 1, updated_at = now()
    FROM picked WHERE a.id = picked.id RETURNING a.id, a.org_id, a.event_seq, a.status, former`;

/** Files that can't be stored just now keep their agent where it is. */
const LEAVERS = `
  SELECT a.id, a.region, h.id AS "hostId", h.incarnation, h.runtime
    FROM hosts h
    CROSS JOIN LATERAL (SELECT count(*) AS leaving FROM agents l WHERE l.host_id = h.id AND l.next_host_id IS NOT NULL) now
    CROSS JOIN LATERAL (
      SELECT id, region FROM agents a
       WHERE a.host_id = h.id AND a.status <> 'deleted' AND a.desired_state <> 'deleted' AND a.next_host_id IS NULL
         AND NOT EXISTS (SELECT FROM agent_workspaces w WHERE w.agent_id = a.id AND w.attempts > 0)
       ORDER BY a.id LIMIT greatest(0, ${LEAVING_AT_ONCE} - now.leaving) FOR UPDATE SKIP LOCKED) a
   WHERE h.draining AND h.dead_since IS NULL`;

interface Stranded {
  readonly hostId: string;
  readonly region: string;
  readonly runtime: string;
  readonly untold: number;
}

interface Moved extends Changed {
  readonly status: AgentStatus;
  readonly former: AgentStatus;
}

interface Leaver {
  readonly id: string;
  readonly region: string;
  readonly hostId: string;
  readonly incarnation: number;
  readonly runtime: string;
}

/**
 * Moves agents off hosts that are dead, and sends those of draining hosts on their way. Every worker runs it; what two do
 * at once is kept apart by row locks, and what one leaves half done the next goes on with.
 */
@Injectable()
export class HostEvacuation {
  private readonly silence = new HostSilence(HOST_SILENT_AFTER_SECONDS * 1000);

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(HostsRepository) private readonly hosts: HostsRepository,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** One round. @param nowMs - of a clock that only goes forward. @throws while Postgres is away. */
  async run(signal: AbortSignal, nowMs = performance.now()): Promise<void> {
    await this.watch(nowMs);
    for (const group of await this.database.query<Stranded>(STRANDED)) {
      while (!signal.aborted && (await this.rescue(group)));
    }
    await this.sendAway();
  }

  /** Marks hosts dead that were silent while this process watched. */
  async watch(nowMs: number): Promise<void> {
    try {
      const beats = await this.hosts.beats();
      const silent = new Set(this.silence.look(beats, nowMs));
      if (silent.size === 0) return;
      const dead = await this.hosts.markDead(beats.filter(({ id }) => silent.has(id)));
      if (dead.length > 0) this.logger.error('Hosts are dead; their agents move to others', { hosts: dead });
    } catch (error) {
      this.silence.forget();
      throw error;
    }
  }

  /** @returns true when there may be more to do at once. */
  private rescue({ hostId, region, runtime, untold }: Stranded): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const host = await this.hosts.place(tx, { region, runtime });
      if (host) return (await this.take(tx, hostId, region, host)) > 0;
      if (untold === 0) return false;
      const error = `Host ${hostId} does not answer, and no other host has room in region ${region}`;
      const rows = await tx.query<Moved>(STRAND, [hostId, region, error, MOVES_A_BATCH]);
      for (const row of rows) {
        const change = { from: row.former, to: row.status, category: 'host_lost', error };
        await this.journal.status(tx, row, { ...change, cause: `host ${hostId} is lost` });
      }
      return rows.length === MOVES_A_BATCH;
    });
  }

  private async take(tx: Tx, lost: string, region: string, host: PlacedHost): Promise<number> {
    const rows = await tx.query<Moved>(MOVE, [lost, region, host.id, Math.min(host.room, MOVES_A_BATCH)]);
    for (const row of rows) {
      const cause = `host ${lost} is lost; moved to host ${host.id}`;
      await this.journal.status(tx, row, { from: row.former, to: row.status, cause });
      await this.journal.ring(tx, row.id, host);
    }
    return rows.length;
  }

  private async sendAway(): Promise<void> {
    await this.database.transaction(async (tx) => {
      for (const { id, region, runtime, hostId, incarnation } of await tx.query<Leaver>(LEAVERS)) {
        const placement: Placement = { region, runtime };
        const next = await this.hosts.place(tx, placement);
        if (!next) continue;
        await tx.query('UPDATE agents SET next_host_id = $2 WHERE id = $1', [id, next.id]);
        await this.journal.ring(tx, id, { id: hostId, incarnation });
      }
    });
  }
}
