import { Inject, Injectable } from '@nestjs/common';
import { WorkspaceSources } from '#libs/agents';
import { CONFIG, type Config } from '#libs/config';
import { CONTAINER_RUNTIME, type ContainerRuntime, toolsDigest } from '#libs/containers';
import { Logger } from '#libs/observability';
import { ToolHostsRepository } from './registry/tool-hosts.repository.js';
import { RequiredToolsRepository } from './required-tools.repository.js';
import { SKILL_TOOLS, type SkillToolsBuilder, toolRequestOf } from './skill-tools.js';

/** The tools of a host that skills of its agents require: made before an agent starts, swept when neither they nor an organisation need them. */
@Injectable()
export class HostTools {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(SKILL_TOOLS) private readonly builder: SkillToolsBuilder,
    @Inject(RequiredToolsRepository) private readonly required: RequiredToolsRepository,
    @Inject(ToolHostsRepository) private readonly chosen: ToolHostsRepository,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Has every agent find the tools of its skills. */
  serve(sources: WorkspaceSources): void {
    sources.registerTools(({ orgId, id }, signal) => this.of(orgId, id, signal));
  }

  async sweep(signal: AbortSignal): Promise<void> {
    const { tools } = this.runtime;
    if (tools === null) return;
    const required = await this.required.onHost(this.config.host.id);
    const requests = required.flatMap((one) => toolRequestOf(one) ?? []);
    const chosen = await this.chosen.wantedOn(this.config.host.id);
    await tools.sweep(new Set([...requests.map(toolsDigest), ...chosen]), signal);
  }

  /** A skill whose tools can't be made here keeps no agent from starting: it lacks its programs, and the log says why. */
  private async of(orgId: string, agentId: string, signal: AbortSignal): Promise<string[]> {
    const digests: string[] = [];
    for (const requirements of await this.required.ofAgent({ orgId }, agentId)) {
      try {
        const { digest } = await this.builder.build(requirements, { signal, log: () => undefined });
        if (digest !== null) digests.push(digest);
      } catch (error) {
        signal.throwIfAborted();
        this.logger.warn('The tools of a skill could not be made', { agentId, error });
      }
    }
    return digests;
  }
}
