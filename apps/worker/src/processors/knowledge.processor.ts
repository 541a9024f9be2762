import { Inject, Injectable } from '@nestjs/common';
import { FileLoader, LOAD_FILE, type LoadFile } from '#libs/knowledge';
import { HandlesJob, type JobContext } from '#libs/queue';

@Injectable()
export class KnowledgeProcessor {
  constructor(@Inject(FileLoader) private readonly files: FileLoader) {}

  @HandlesJob(LOAD_FILE)
  load(_job: LoadFile, context: JobContext): Promise<void> {
    return this.files.loadDue(context.signal);
  }
}
