import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { Subsystem, Subsystems } from './monitoring.js';

/** A host is taken for unreachable without a beat for so long; beats count from the start of Postgres. */
const HOST_DEAD_AFTER = "interval '30 seconds'";
const HOUR = "now() - interval '1 hour'";
/** More work than this waiting is a full buffer. */
const BUFFER_CAPACITY = 1_000;
/** What a user asked for is no crash. */
const COMMANDED = '^(start|stop|restart|delete|pause|resume|provision|update|repair|reset_memory) by ';

const FIGURES = `
  SELECT
    (SELECT count(*) FROM runs WHERE org_id = $1 AND status = 'running')::int AS "liveTurns",
    (SELECT count(*) FROM runs WHERE org_id = $1 AND status = 'interrupted' AND finished_at > ${HOUR})::int AS "expiredTurns",
    (SELECT count(*) FROM swarm_steps WHERE org_id = $1 AND status = 'ready')::int AS "waitingSteps",
    (SELECT count(*) FROM outbox)::int AS "waitingJobs",
    (SELECT count(*) FROM hosts)::int AS hosts,
    (SELECT count(*) FROM hosts h WHERE GREATEST(h.heartbeat_at, pg_postmaster_start_time()) < now() - ${HOST_DEAD_AFTER}
        AND EXISTS (SELECT 1 FROM agents a WHERE a.host_id = h.id AND a.org_id = $1 AND a.desired_state = 'running'))::int
      AS "unreachableHosts",
    (SELECT count(*) FROM events WHERE org_id = $1 AND at > ${HOUR} AND type = 'agent.status' AND data->>'from' = 'running'
        AND data->>'to' IN ('restarting', 'error', 'provisioning') AND data->>'cause' !~ '${COMMANDED}')::int AS crashes,
    (SELECT count(*) FROM capability_tokens WHERE org_id = $1 AND (expires_at > ${HOUR}))::int AS tokens,
    (SELECT count(*) FROM capability_tokens WHERE org_id = $1 AND revoked_at > ${HOUR})::int AS "revokedTokens",
    (SELECT count(*) FROM idempotency_keys WHERE org_id = $1)::int AS "requestKeys",
    (SELECT coalesce(sum(capacity_agents), 0) FROM hosts WHERE NOT draining)::int AS places,
    (SELECT count(*) FROM agents WHERE host_id IS NOT NULL AND desired_state <> 'deleted')::int AS placed,
    (SELECT count(*) FROM audit_events WHERE org_id = $1 AND seq IS NULL)::int AS "unsealedEvents",
    (SELECT seq::int FROM audit_heads WHERE org_id = $1) AS "sealedEvents"`;

type Figures = Readonly<
  Record<
    | 'liveTurns'
    | 'expiredTurns'
    | 'waitingSteps'
    | 'waitingJobs'
    | 'hosts'
    | 'unreachableHosts'
    | 'crashes'
    | 'tokens'
    | 'revokedTokens'
    | 'requestKeys'
    | 'places'
    | 'placed'
    | 'unsealedEvents',
    number
  >
> & { readonly sealedEvents: number | null };

/** Reads what the subsystems leave in Postgres; nothing is counted in memory, so all replicas say the same. */
@Injectable()
export class SubsystemsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async of(scope: Scope): Promise<Subsystems> {
    const [figures] = await this.database.named<Figures>('monitoring.figures', FIGURES, [scope.orgId]);
    if (!figures) throw new Error('no figures');
    return toSubsystems(figures);
  }
}

function toSubsystems(of: Figures): Subsystems {
  const waiting = of.waitingSteps + of.waitingJobs;
  return {
    lease_expiration: { live_turns: of.liveTurns, expired_last_hour: of.expiredTurns },
    result_buffer: { waiting, capacity: BUFFER_CAPACITY, utilization_percent: percent(waiting, BUFFER_CAPACITY) },
    partition_detection: withHosts(of, {
      state: of.unreachableHosts > 0 ? 'degraded' : 'normal',
      hosts: of.hosts,
      unreachable_hosts: of.unreachableHosts,
    }),
    node_crash_detection: { recent_crashes: of.crashes },
    lease_revocation: {
      tokens: of.tokens,
      revoked_last_hour: of.revokedTokens,
      revocation_rate: percent(of.revokedTokens, of.tokens),
    },
    duplicate_prevention: { remembered_requests: of.requestKeys },
    ip_pool: withHosts(of, {
      total: of.places,
      allocated: of.placed,
      utilization_percent: percent(of.placed, of.places),
    }),
    message_verification: { sealed_events: of.sealedEvents ?? 0, waiting_events: of.unsealedEvents },
  };
}

/** Without a host there is nothing that could be cut off, and no place for an agent. */
const withHosts = ({ hosts }: Figures, subsystem: Subsystem): Subsystem => (hosts > 0 ? subsystem : null);

const percent = (part: number, whole: number): number => (whole <= 0 ? 0 : Math.round((part / whole) * 1000) / 10);
