import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { CONTAINER_RUNTIME, type ContainerRuntime, type ContainerSpec, type WorkspaceFile } from '#libs/containers';
import { gatewayToken, signAgentToken, signEgressToken } from '#libs/crypto';
import { Database } from '#libs/database';
import { DomainError } from '#libs/kernel';
import { toAgentMcpServers } from '#libs/mcp';
import { SecretsService } from '#libs/secrets';
import { type Provider, modelAt, providersFor } from '../agent-config.js';
import { proxyEnvironment } from '../egress/proxy-environment.js';
import type { ClaimedAgent } from './claimed-agent.js';
import { layOut } from './workspace-layout.js';
import { limitsOf } from './runtime-limits.js';
import { WorkspaceSources } from './workspace-sources.js';

/** Says what an agent's instance has to be. Provider keys never enter it: it gets one token of this start. */
@Injectable()
export class AgentSpecs {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(Database) private readonly database: Database,
    @Inject(SecretsService) private readonly secrets: SecretsService,
    @Inject(WorkspaceSources) private readonly sources: WorkspaceSources,
  ) {}

  /**
   * For the instance of the agent's own claim.
   * @throws DomainError code `auth` when no key of the chosen provider is stored.
   */
  private async of(agent: ClaimedAgent, tools: readonly string[]): Promise<ContainerSpec> {
    const provider = await this.provider(agent);
    const { memoryMb, cpus, pidsLimit, stopTimeoutMs } = limitsOf(agent.runtime, this.config);
    return {
      agentId: agent.id,
      orgId: agent.orgId,
      epoch: agent.epoch,
      runtime: agent.runtime,
      image: agent.image,
      imageId: agent.imageId,
      env: this.environment(agent, provider),
      files: await this.files(agent),
      tools,
      memoryMb,
      cpus,
      pidsLimit,
      stopTimeoutMs,
    };
  }

  /** How long an instance has to stay ready before the agent is left to it. */
  settleMs(agent: ClaimedAgent): number {
    return agent.previousImage === null ? 0 : this.config.agent.updateSettleMs;
  }

  /** Makes the spec and lets `make` write it, while nobody else writes into the agent's workspace. Tools, which take long, come before. */
  async made<T>(agent: ClaimedAgent, make: (spec: ContainerSpec) => Promise<T>, signal: AbortSignal): Promise<T> {
    const tools = await this.sources.tools(agent, signal);
    return this.sources.exclusively(agent.id, async () => make(await this.of(agent, tools)));
  }

  private environment(agent: ClaimedAgent, provider: Provider): Record<string, string> {
    const { jwtSecret } = this.config.security;
    const claims = { agentId: agent.id, orgId: agent.orgId, hostId: agent.hostId, epoch: agent.epoch };
    const { model, temperature, maxTokens, sharedMode, mcpServers = {} } = agent.config;
    const servers = toAgentMcpServers(mcpServers, this.config.runtime === 'docker');
    return {
      ROOKERY_AGENT_ID: agent.id,
      ROOKERY_AGENT_NAME: agent.name,
      ROOKERY_GATEWAY_TOKEN: gatewayToken(jwtSecret, agent.id, agent.epoch),
      ROOKERY_LLM_PROVIDER: provider,
      ROOKERY_LLM_BASE_URL: `${this.runtime.agentDoorUrl}/llm/${provider}`,
      ROOKERY_LLM_TOKEN: signAgentToken(jwtSecret, claims),
      ROOKERY_DOOR_URL: `${this.runtime.agentDoorUrl}/door`,
      ROOKERY_RUNTIME: this.config.runtime,
      ROOKERY_MODEL: modelAt(provider, model),
      ...(Object.keys(servers).length === 0 ? {} : { ROOKERY_MCP_SERVERS: JSON.stringify(servers) }),
      ...(temperature === undefined ? {} : { ROOKERY_TEMPERATURE: String(temperature) }),
      // agents that are processes have the machine's network anyway
      ...(this.config.runtime === 'docker'
        ? proxyEnvironment(this.runtime.agentDoorUrl, signEgressToken(jwtSecret, claims))
        : {}),
      ...(agent.runtime === 'openclaw' && sharedMode === true ? { ROOKERY_SHARED_MODE: '1' } : {}),
      ...(maxTokens === undefined ? {} : { ROOKERY_MAX_TOKENS: String(maxTokens) }),
    };
  }

  /** The one in config, else the one whose model it names, else the first whose key exists. */
  private async provider(agent: ClaimedAgent): Promise<Provider> {
    const owner = { orgId: agent.orgId, agentId: agent.id, swarmId: agent.swarmId };
    for (const provider of providersFor(agent.config)) {
      if (provider === 'demo' || (await this.secrets.providerKey(owner, provider)) !== undefined) return provider;
    }
    const wanted = agent.config.llmProvider;
    const which = wanted ? `the provider ${wanted}` : 'any LLM provider';
    throw new DomainError('unprocessable', 'auth', `No key is stored for ${which}`);
  }

  private async files(agent: ClaimedAgent): Promise<WorkspaceFile[]> {
    const edited = await this.database.query<WorkspaceFile>(
      'SELECT path, content FROM agent_files WHERE org_id = $1 AND agent_id = $2 ORDER BY path',
      [agent.orgId, agent.id],
    );
    return [...layOut(edited, agent), ...(await this.sources.files(agent))];
  }
}
