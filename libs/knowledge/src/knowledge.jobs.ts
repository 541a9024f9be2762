import { IsUUID } from 'class-validator';
import { defineJob } from '#libs/queue';

export class LoadFile {
  @IsUUID()
  fileId!: string;
}

/**
 * The doorbell of the files that wait. It says that there is one; which one is loaded first is decided in Postgres, where a
 * claim keeps two workers off the same one. The sweep loads what no bell rang for.
 */
export const LOAD_FILE = defineJob<LoadFile>({
  name: 'knowledge.load-file',
  queue: 'control',
  payload: LoadFile,
  attempts: 1,
});

export const knowledgeJobs = [LOAD_FILE];
