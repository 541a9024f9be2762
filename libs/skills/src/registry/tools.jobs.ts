import { IsInt, IsString } from 'class-validator';
import { defineJob } from '#libs/queue';

export class WorkOnTool {
  @IsString()
  installId!: string;

  /** Of the host the job goes to. */
  @IsInt()
  incarnation!: number;
}

/** Carries no state: the handler reads it, the sweep of the host repeats it. */
export const WORK_ON_TOOL = defineJob<WorkOnTool>({
  name: 'tools.work',
  queue: 'host',
  payload: WorkOnTool,
  attempts: 1,
  deduplicate: ({ installId, incarnation }) => `${installId}.${incarnation}`,
});
