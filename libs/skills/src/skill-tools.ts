import { type AgentTools, TOOL_METHODS, type ToolBuild, type ToolRequest } from '#libs/containers';
import type { SkillRequirements } from './requirements.js';

/** Injection token of the host's {@link SkillToolsBuilder}. */
export const SKILL_TOOLS = Symbol('SKILL_TOOLS');

/** What became of a skill's requirements on this host. */
export interface SkillTools {
  /** Under which the tools are found on this host; null when nothing had to be built. */
  readonly digest: string | null;
  /** What people have to do themselves, a sentence each. */
  readonly manual: readonly string[];
}

/** Brings what a skill requires to the host on which its agent runs. */
export interface SkillToolsBuilder {
  /**
   * Idempotent, and cheap when the tools are there.
   * @throws DomainError code `tools_failed` whose message has the installer's last lines; nothing is left behind then
   */
  build(requirements: SkillRequirements, options: ToolBuild): Promise<SkillTools>;
}

/** The packages to be built; undefined when there are none. */
export function toolRequestOf(requirements: SkillRequirements): ToolRequest | undefined {
  const { bins, npm, pip, go, apt } = requirements;
  return TOOL_METHODS.some((method) => requirements[method].length > 0) ? { bins, npm, pip, go, apt } : undefined;
}

/** Nothing is installed on the machine of the process runtime: people are told what is missing. */
export class ManualTools implements SkillToolsBuilder {
  build(requirements: SkillRequirements): Promise<SkillTools> {
    return Promise.resolve({ digest: null, manual: manualSteps(requirements) });
  }
}

/** Builds in the docker runtime what the host has registries for. */
export class BuiltTools implements SkillToolsBuilder {
  constructor(private readonly tools: AgentTools) {}

  async build(requirements: SkillRequirements, options: ToolBuild): Promise<SkillTools> {
    const request = toolRequestOf(requirements);
    if (request === undefined || !this.canBuild(request)) return { digest: null, manual: manualSteps(requirements) };
    const digest = await this.tools.build(request, options);
    return { digest, manual: [...requirements.manual, ...envSteps(requirements)] };
  }

  private canBuild(request: ToolRequest): boolean {
    return TOOL_METHODS.every((method) => request[method].length === 0 || this.tools.methods.includes(method));
  }
}

/** Every requirement as a sentence for the person who keeps the host. */
export function manualSteps(requirements: SkillRequirements): string[] {
  const { bins, manual } = requirements;
  const packages = TOOL_METHODS.filter((method) => requirements[method].length > 0);
  return [
    ...packages.map((method) => `Install with ${method}: ${requirements[method].join(', ')}`),
    ...(bins.length === 0 ? [] : [`Have on the PATH: ${bins.join(', ')}`]),
    ...manual,
    ...envSteps(requirements),
  ];
}

const envSteps = ({ env }: SkillRequirements): string[] =>
  env.length === 0 ? [] : [`Store as secrets of the agent: ${env.join(', ')}`];
