import { Inject, Injectable } from '@nestjs/common';
import { FilesRepository } from './files.repository.js';

/** Deletes the rows of files that could not be loaded, long ago. */
@Injectable()
export class FileRetention {
  constructor(@Inject(FilesRepository) private readonly files: FilesRepository) {}

  /** @returns how many of at most `limit`; fewer means done. */
  deleteBefore(before: Date, limit: number): Promise<number> {
    return this.files.dropFailed(before, limit);
  }
}
