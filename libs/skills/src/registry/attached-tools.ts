import { Inject, Injectable } from '@nestjs/common';
import type { WorkspaceSources } from '#libs/agents';
import type { WorkspaceFile } from '#libs/containers';
import type { Scope } from '#libs/kernel';
import { OrganisationToolsRepository } from './organisation-tools.repository.js';
import type { RegistryTool } from './registry-tool.js';
import { ToolHost } from './tool-host.js';
import { toolOf } from './tool-registry.js';

type OfAgent = Scope & { readonly id: string };

/** Brings tools that are attached to agents to their instances: the programs, and a SKILL.md that tells of each. */
@Injectable()
export class AttachedTools {
  constructor(
    @Inject(ToolHost) private readonly host: ToolHost,
    @Inject(OrganisationToolsRepository) private readonly tools: OrganisationToolsRepository,
  ) {}

  /** Has every agent find them. */
  serve(sources: WorkspaceSources): void {
    sources.registerTools((agent, signal) => this.digests(agent, signal));
    sources.register((agent) => this.files(agent));
  }

  /** One that can't be made here keeps no agent from starting: it lacks the program, and the log says why. */
  private async digests(agent: OfAgent, signal: AbortSignal): Promise<string[]> {
    const builder = this.host.runtime.tools;
    if (builder === null) return [];
    const digests: string[] = [];
    for (const { name, request } of await this.tools.attached(agent, agent.id)) {
      try {
        digests.push(await builder.build(request, { signal, log: () => undefined }));
      } catch (error) {
        signal.throwIfAborted();
        this.host.logger.warn('A tool could not be made', { agentId: agent.id, tool: name, error });
      }
    }
    return digests;
  }

  private async files(agent: OfAgent): Promise<WorkspaceFile[]> {
    if (this.host.runtime.tools === null) return [];
    const attached = await this.tools.attached(agent, agent.id);
    return attached.flatMap(({ name }) => {
      const tool = toolOf(name);
      return tool === undefined ? [] : [{ path: `skills/${name}/SKILL.md`, content: skillOf(tool) }];
    });
  }
}

/** What an agent reads of a tool; with `bins` the house agent may run it. */
export const skillOf = ({ name, description, bin, docs, requirements }: RegistryTool): string =>
  [
    '---',
    `name: ${name}`,
    `description: ${JSON.stringify(`${description}. Runs the program ${bin}.`)}`,
    'requirements:',
    `  bins: [${bin}]`,
    '---',
    '',
    `# ${name}`,
    '',
    `${description}. The program is called \`${bin}\`; \`${bin} --help\` tells how to use it, and so does ${docs}.`,
    '',
    `It needs: ${requirements.join('; ')}.`,
    '',
  ].join('\n');
