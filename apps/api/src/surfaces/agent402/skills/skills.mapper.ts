import {
  type InstallTool,
  type SkillOutline,
  type SkillOverview,
  type ToolInstall,
  type ToolOutcome,
  type ToolStanding,
  handCommand,
  isToolWorkOpen,
} from '#libs/skills';
import { isoTime, isoTimeOrNull } from '../agent402.times.js';
import type {
  InstallResultDto,
  InstallSkillDto,
  InstallableListDto,
  InstallableSkillDto,
  InstallationDto,
  InstallationStatusDto,
  SkillDto,
  SkillListDto,
  SkillType,
  UninstallSkillQuery,
} from './skills.dto.js';

/** All that an organisation can have: tools of the registry, skills of the catalogue. */
export interface AllSkills {
  readonly tools: readonly ToolStanding[];
  readonly overview: SkillOverview;
}

export const toInstallTool = ({ force, timeout }: InstallSkillDto | UninstallSkillQuery): InstallTool => ({
  force: force ?? false,
  timeoutSeconds: timeout ?? undefined,
});

export const toCliSkill = ({ tool, isEligible }: ToolStanding): SkillDto => ({
  ...{ name: tool.name, description: tool.description, type: 'cli', eligible: isEligible, package: tool.package },
  ...{ source: 'registry', method: tool.method, docs: tool.docs, version: null, bins: [tool.bin] },
});

export const toProjectSkill = ({ id, description, trustLevel, version, isEligible }: SkillOutline): SkillDto => ({
  ...{ name: id, description, type: 'project', eligible: isEligible, package: null },
  ...{ source: trustLevel, method: null, docs: null, version, bins: [] },
});

export function toSkillList({ tools, overview }: AllSkills, type: SkillType | undefined): SkillListDto {
  const cli = tools.map(toCliSkill);
  const ready = cli.filter(({ eligible }) => eligible).length;
  const isCounted = (one: SkillType): boolean => type === undefined || type === one;
  const count = (cliCount: number, projectCount: number): number =>
    (isCounted('cli') ? cliCount : 0) + (isCounted('project') ? projectCount : 0);
  return {
    total: count(cli.length, overview.total),
    ready: count(ready, overview.ready),
    cli_total: cli.length,
    cli_ready: ready,
    project_total: overview.total,
    project_ready: overview.ready,
    skills: [...(isCounted('cli') ? cli : []), ...(isCounted('project') ? overview.skills.map(toProjectSkill) : [])],
  };
}

/** Those that are eligible, or those that are not. */
export const toSkillsThat = ({ tools, overview }: AllSkills, isEligible: boolean): SkillDto[] =>
  [...tools.map(toCliSkill), ...overview.skills.map(toProjectSkill)].filter(({ eligible }) => eligible === isEligible);

export const toInstallable = ({ tool, isInstallable }: ToolStanding): InstallableSkillDto => ({
  ...{ skill_name: tool.name, method: tool.method, package: tool.package, description: tool.description },
  ...{ installable: isInstallable, docs: tool.docs, requirements: [...tool.requirements] },
});

export function toInstallableList(tools: readonly ToolStanding[]): InstallableListDto {
  const manual = tools.filter(({ isInstallable }) => !isInstallable).length;
  return {
    ...{ skills: tools.map(toInstallable), total: tools.length },
    ...{ auto_installable: tools.length - manual, manual },
  };
}

export const toInstallResult = ({ tool, message, logs }: ToolOutcome): InstallResultDto => ({
  ...{ success: true, message, logs: [...logs], method: tool.method, package: tool.package },
});

export function toInstallationStatus(
  { tool, isEligible, isInstallable, binaryPath }: ToolStanding,
  work: ToolInstall | undefined,
): InstallationStatusDto {
  const command = handCommand(tool);
  const how = command === undefined ? '' : ` with ${command}`;
  return {
    ...{ skill_name: tool.name, is_installed: isEligible, binary_path: binaryPath },
    ...{ method: tool.method, package: tool.package },
    ...(isInstallable ? {} : { message: `Install it by hand${how} where agents run; see ${tool.docs}` }),
    docs: tool.docs,
    last_installation: work ? toInstallation(work) : null,
  };
}

const toInstallation = (work: ToolInstall): InstallationDto => ({
  ...{ id: work.id, action: work.action, state: work.state, logs: [...work.logs], error: work.error },
  ...{ created_at: isoTime(work.createdAt), finished_at: isoTimeOrNull(work.finishedAt) },
});

/**
 * Work on a tool as events: `log` for each line, with an id by which a client comes back, and `end`. Lines that are not kept any
 * more are left out.
 */
export async function* installationFrames(
  snapshots: AsyncIterable<ToolInstall>,
  lastEventId: string | undefined,
): AsyncGenerator<string> {
  const read = /^(ti_[0-9a-f]+)\.(\d{1,9})$/.exec(lastEventId ?? '');
  let sent = -1;
  for await (const work of snapshots) {
    if (sent < 0) sent = read?.[1] === work.id ? Number(read[2]) : 0;
    const first = work.logCount - work.logs.length;
    for (const [index, line] of work.logs.entries()) {
      const number = first + index + 1;
      if (number <= sent) continue;
      sent = number;
      yield `id: ${work.id}.${number}\nevent: log\ndata: ${JSON.stringify({ line })}\n\n`;
    }
    if (isToolWorkOpen(work)) continue;
    yield `event: end\ndata: ${JSON.stringify({ state: work.state, error: work.error })}\n\n`;
    return;
  }
}
