import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type AgentClaims, verifyAgentToken, verifyEgressToken } from '#libs/crypto';
import { Database } from '#libs/database';
import { DomainError } from '#libs/kernel';
import type { KeyHolder } from '#libs/secrets';
import { type CallPlan, type Reservation, type ReserveRow, UsageMeter, reserveSql, reserveValues } from '#libs/usage';

/** Whose secrets' use is noted once a run. */
const RUNS_UNDER_WAY = `ARRAY(SELECT runs.id FROM runs WHERE runs.agent_id = a.id AND runs.status = 'running' LIMIT 32) AS runs`;

const LOOKUP = `
  SELECT org_id, swarm_id, endpoint, instance_epoch = $4 AS is_current, ${RUNS_UNDER_WAY}
    FROM agents a WHERE id = $1 AND org_id = $2 AND host_id = $3 AND desired_state <> 'deleted' AND status <> 'deleted'`;

/** The same look-up, which takes from the agent's budgets in the same round trip. */
const LOOKUP_AND_RESERVE = `
  SELECT a.org_id, a.swarm_id, a.endpoint, a.instance_epoch = $4 AS is_current, ${RUNS_UNDER_WAY}, r.*
    FROM agents a CROSS JOIN LATERAL ${reserveSql({
      allowed: 'a.instance_epoch = $4 AND ($5::text IS NULL OR starts_with(a.endpoint, $5))',
      org: 'a.org_id',
      agent: 'a.id',
      swarm: 'a.swarm_id',
      first: 6,
    })} r
   WHERE a.id = $1 AND a.org_id = $2 AND a.host_id = $3 AND a.desired_state <> 'deleted' AND a.status <> 'deleted'`;

/** An agent that may act, with what its call took. */
export interface AdmittedCall {
  readonly holder: AdmittedAgent;
  readonly reservation: Reservation;
}

interface AgentRow {
  readonly org_id: string;
  readonly swarm_id: string | null;
  readonly endpoint: string | null;
  readonly is_current: boolean | null;
  readonly runs: readonly string[];
}

/** Who an agent is that was let in. */
export interface AdmittedAgent extends KeyHolder {
  /** Of the instance that presented the token. */
  readonly epoch: number;
}

/** Decides whether who presents an agent token is the instance that runs now. */
@Injectable()
export class AgentGate {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(UsageMeter) private readonly meter: UsageMeter,
  ) {}

  /**
   * One statement a call and no memory: a token dies with its instance, and without Postgres nobody gets in.
   * @throws DomainError `unauthenticated` for a wrong or stale token or one from elsewhere; `unavailable`.
   */
  async admit(req: IncomingMessage, token: string | undefined): Promise<AdmittedAgent> {
    const claims = this.claimsOf(token);
    return this.holderOf(req, claims, await this.read(claims));
  }

  /** The same for the token of the egress proxy, which opens nothing else. */
  async admitOut(req: IncomingMessage, token: string | undefined): Promise<AdmittedAgent> {
    const claims = this.claimsOf(token, verifyEgressToken);
    return this.holderOf(req, claims, await this.read(claims));
  }

  /**
   * Lets a model call in and reserves for it, in one statement.
   * @throws DomainError as {@link admit}, and `plan_limit` code `budget_exceeded`.
   */
  async admitCall(req: IncomingMessage, claims: AgentClaims, plan: CallPlan): Promise<AdmittedCall> {
    const { agentId, orgId, hostId, epoch } = claims;
    const from = this.config.runtime === 'docker' ? `${inEndpoint(req.socket.remoteAddress)}:` : null;
    const values = [agentId, orgId, hostId, epoch, from, ...reserveValues(plan)];
    const [row] = await this.database.named<AgentRow & ReserveRow>('edge.call', LOOKUP_AND_RESERVE, values);
    const holder = this.holderOf(req, claims, row);
    if (!row || row.outcome === 'skipped') throw wrongNetwork();
    return { holder, reservation: this.meter.reservationOf(plan, row) };
  }

  /** What a token says, for a request whose body is to be read first. @throws DomainError `unauthenticated`. */
  claimsOf(token: string | undefined, verify = verifyAgentToken): AgentClaims {
    if (token === undefined) throw refused('missing_token', 'The agent token is missing');
    const claims = verify(this.config.security.jwtSecret, token);
    if (claims.hostId !== this.config.host.id) throw refused('wrong_host', 'This agent token belongs to another host');
    return claims;
  }

  private holderOf(req: IncomingMessage, claims: AgentClaims, row: AgentRow | undefined): AdmittedAgent {
    if (!row) throw refused('unknown_agent', 'The agent of this token does not exist any more');
    if (row.is_current !== true) {
      throw refused('stale_token', 'This agent token belongs to an instance that has been stopped or replaced');
    }
    if (!this.isFromAgent(row.endpoint, req.socket.remoteAddress)) throw wrongNetwork();
    return { orgId: row.org_id, agentId: claims.agentId, swarmId: row.swarm_id, epoch: claims.epoch, runs: row.runs };
  }

  private async read({ agentId, orgId, hostId, epoch }: AgentClaims): Promise<AgentRow | undefined> {
    const rows = await this.database.named<AgentRow>('edge.agent', LOOKUP, [agentId, orgId, hostId, epoch]);
    return rows[0];
  }

  /** In the docker runtime each agent has a network of its own, on which only its own address can be the sender's. */
  private isFromAgent(endpoint: string | null, remoteAddress: string | undefined): boolean {
    if (this.config.runtime !== 'docker') return true;
    return endpoint !== null && remoteAddress !== undefined && hostOf(endpoint) === plainAddress(remoteAddress);
  }
}

const refused = (code: string, message: string): DomainError => new DomainError('unauthenticated', code, message);

const wrongNetwork = (): DomainError =>
  refused('wrong_network', "This agent token was presented from outside the agent's own network");

/** An address as endpoints begin with it. */
function inEndpoint(address: string | undefined): string {
  const plain = plainAddress(address ?? '');
  return isIPv6(plain) ? `[${plain}]` : plain;
}

const hostOf = (endpoint: string): string => new URL(`http://${endpoint}`).hostname.replace(/^\[|\]$/g, '');

/** An IPv4 client of a dual-stack socket looks like `::ffff:10.0.0.1`. */
const plainAddress = (address: string): string =>
  isIPv6(address) && address.startsWith('::ffff:') ? address.slice(7) : address;
