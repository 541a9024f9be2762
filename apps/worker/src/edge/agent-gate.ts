import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type AgentClaims, verifyAgentToken } from '#libs/crypto';
import { Database } from '#libs/database';
import { DomainError } from '#libs/kernel';
import type { KeyHolder } from '#libs/secrets';

const LOOKUP = `
  SELECT org_id, swarm_id, endpoint, instance_epoch = $4 AS is_current
    FROM agents WHERE id = $1 AND org_id = $2 AND host_id = $3 AND desired_state <> 'deleted' AND status <> 'deleted'`;

interface AgentRow {
  readonly org_id: string;
  readonly swarm_id: string | null;
  readonly endpoint: string | null;
  readonly is_current: boolean | null;
}

/** Decides whether who presents an agent token is the instance that runs now. */
@Injectable()
export class AgentGate {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
  ) {}

  /**
   * One statement a call and no memory: a token dies with its instance, and without Postgres nobody gets in.
   * @throws DomainError `unauthenticated` for a wrong or stale token or one from elsewhere; `unavailable`.
   */
  async admit(req: IncomingMessage, token: string | undefined): Promise<KeyHolder> {
    if (token === undefined) throw refused('missing_token', 'The agent token is missing');
    const claims = verifyAgentToken(this.config.security.jwtSecret, token);
    if (claims.hostId !== this.config.host.id) throw refused('wrong_host', 'This agent token belongs to another host');
    const row = await this.read(claims);
    if (!row) throw refused('unknown_agent', 'The agent of this token does not exist any more');
    if (row.is_current !== true) {
      throw refused('stale_token', 'This agent token belongs to an instance that has been stopped or replaced');
    }
    if (!this.isFromAgent(row.endpoint, req.socket.remoteAddress)) {
      throw refused('wrong_network', "This agent token was presented from outside the agent's own network");
    }
    return { orgId: row.org_id, agentId: claims.agentId, swarmId: row.swarm_id };
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

const hostOf = (endpoint: string): string => new URL(`http://${endpoint}`).hostname.replace(/^\[|\]$/g, '');

/** An IPv4 client of a dual-stack socket looks like `::ffff:10.0.0.1`. */
const plainAddress = (address: string): string =>
  isIPv6(address) && address.startsWith('::ffff:') ? address.slice(7) : address;
