import { Inject, Injectable } from '@nestjs/common';
import { HandlesJob, type JobContext } from '#libs/queue';
import {
  INSTALL_SKILL,
  type InstallSkill,
  PLACE_SKILLS,
  type PlaceSkills,
  SkillInstaller,
  SkillPlacer,
  ToolInstaller,
  WORK_ON_TOOL,
  type WorkOnTool,
} from '#libs/skills';

@Injectable()
export class SkillsProcessor {
  constructor(
    @Inject(SkillInstaller) private readonly installer: SkillInstaller,
    @Inject(SkillPlacer) private readonly placer: SkillPlacer,
    @Inject(ToolInstaller) private readonly tools: ToolInstaller,
  ) {}

  @HandlesJob(INSTALL_SKILL)
  install(job: InstallSkill, context: JobContext): Promise<void> {
    return this.installer.install(job.installId, context.signal);
  }

  @HandlesJob(PLACE_SKILLS)
  place(_job: PlaceSkills, context: JobContext): Promise<void> {
    return this.placer.sweep(context.signal);
  }

  @HandlesJob(WORK_ON_TOOL)
  workOnTool(job: WorkOnTool, context: JobContext): Promise<void> {
    return this.tools.run(job.installId, context.signal);
  }
}
