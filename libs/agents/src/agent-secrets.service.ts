import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Caller, type Scope, invalid, isUuid, requireScope } from '#libs/kernel';
import { SecretsService } from '#libs/secrets';
import { AgentCommands } from './agent-commands.js';
import type { AgentConfig } from './agent.js';
import { LLM_KEYS } from './agent-config.js';
import { agentNotFound } from './agents.errors.js';

/** Which secrets to store and which to drop, by snake_case name. */
export interface ChangeSecrets {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** Secrets of an agent: written, replaced and deleted, never read back. */
@Injectable()
export class AgentSecretsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AgentCommands) private readonly commands: AgentCommands,
    @Inject(SecretsService) private readonly secrets: SecretsService,
  ) {}

  /**
   * All or nothing. The broker uses new provider keys, and refuses deleted ones, at once; what else an agent takes from
   * its secrets needs a restart.
   * @returns needsRestart
   * @throws DomainError `not_found`; `validation` for wrong values, and for deleting the last key of a model's provider.
   */
  async change(caller: Caller, agentId: string, { set, remove }: ChangeSecrets): Promise<boolean> {
    requireScope(caller, 'agents:write');
    if (!isUuid(agentId)) throw agentNotFound();
    const both = remove.find((name) => Object.hasOwn(set, name));
    if (both !== undefined) throw wrong('deleteSecrets', `${both} is to be stored and deleted at once`);
    const owner = { kind: 'agent', id: agentId } as const;
    return this.database.transaction(async (tx) => {
      const needsRestart = await this.commands.touch(tx, caller, agentId, 'secrets', caller.subject);
      await this.secrets.put(tx, caller, owner, set);
      const left = await this.secrets.remove(tx, caller, owner, remove);
      if (remove.some(isLlmKey) && !left.some(isLlmKey)) await this.refuseWithoutKey(tx, caller, agentId);
      return needsRestart;
    });
  }

  private async refuseWithoutKey(tx: Tx, scope: Scope, agentId: string): Promise<void> {
    const sql = 'SELECT config, swarm_id AS "swarmId" FROM agents WHERE org_id = $1 AND id = $2';
    const [agent] = await tx.query<{ config: AgentConfig; swarmId: string | null }>(sql, [scope.orgId, agentId]);
    if (agent?.config.llmProvider === 'demo') return;
    const shared = agent?.swarmId ? await this.secrets.names(scope, { kind: 'swarm', id: agent.swarmId }) : [];
    const common = await this.secrets.names(scope, { kind: 'organisation', id: scope.orgId });
    if ([...shared, ...common].some(isLlmKey)) return;
    throw wrong('deleteSecrets', 'would take away the last key of a model provider; store another one first');
  }
}

const isLlmKey = (name: string): boolean => Object.values(LLM_KEYS).includes(name);

const wrong = (field: string, message: string): Error =>
  invalid(`${field} ${message}`, [{ path: ['body', field], message, type: 'invalid' }]);
