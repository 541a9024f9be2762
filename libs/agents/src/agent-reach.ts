import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { type Caller, DomainError, type Scope, isUuid } from '#libs/kernel';

/** Things that a request names. */
export interface NamedThings {
  readonly agents: readonly string[];
  readonly swarms: readonly string[];
}

/** Holds what a request names against the caller's data scope, where it has one. */
@Injectable()
export class AgentReach {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * An agent is reached by its own id or by that of the swarm it is in. A request that names nothing reaches everything.
   * @throws DomainError `forbidden`.
   */
  async require(caller: Caller, { agents, swarms }: NamedThings): Promise<void> {
    const { dataScope } = caller;
    if (dataScope === undefined) return;
    const covered = swarms.every((id) => dataScope.includes(id.toLowerCase()));
    const named = agents.length + swarms.length > 0;
    if (named && covered && (await this.reachesAll(caller, dataScope, agents))) return;
    throw new DomainError('forbidden', 'outside_data_scope', 'This is outside of the data scope of the token');
  }

  private async reachesAll(scope: Scope, dataScope: readonly string[], agents: readonly string[]): Promise<boolean> {
    const foreign = agents.filter((id) => !dataScope.includes(id.toLowerCase()));
    if (foreign.length === 0) return true;
    if (!foreign.every(isUuid)) return false;
    const rows = await this.database.query(
      'SELECT 1 FROM agents WHERE org_id = $1 AND id = ANY($2) AND swarm_id = ANY($3)',
      [scope.orgId, foreign, [...dataScope]],
    );
    return rows.length === new Set(foreign.map((id) => id.toLowerCase())).size;
  }
}
