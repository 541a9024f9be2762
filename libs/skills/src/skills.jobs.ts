import { IsInt, IsString } from 'class-validator';
import { defineJob } from '#libs/queue';
import { WORK_ON_TOOL } from './registry/tools.jobs.js';

export class InstallSkill {
  @IsString()
  installId!: string;

  /** Of the host the job goes to. */
  @IsInt()
  incarnation!: number;
}

export class PlaceSkills {
  /** Of the host the job goes to. */
  @IsInt()
  incarnation!: number;
}

/** Carries no state: the handler reads it, the sweep of the host repeats it. */
export const INSTALL_SKILL = defineJob<InstallSkill>({
  name: 'skills.install',
  queue: 'host',
  payload: InstallSkill,
  attempts: 1,
  deduplicate: ({ installId, incarnation }) => `${installId}.${incarnation}`,
});

/** Says that folders of skills have to be put into workspaces of the host, or taken out. */
export const PLACE_SKILLS = defineJob<PlaceSkills>({
  name: 'skills.place',
  queue: 'host',
  payload: PlaceSkills,
  attempts: 1,
  deduplicate: ({ incarnation }) => String(incarnation),
});

export const skillJobs = [INSTALL_SKILL, PLACE_SKILLS, WORK_ON_TOOL];
