import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { BasesRepository, type Owner } from './bases.repository.js';
import { ChunksRepository } from './chunks.repository.js';
import { FilesRepository } from './files/files.repository.js';
import { entryNotFound, fileNotFound } from './knowledge.errors.js';
import type { DeleteChunks } from './knowledge.js';

/** Deletes chunks, and the files they came from; a file that is being loaded stops. */
@Injectable()
export class Removal {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(ChunksRepository) private readonly chunks: ChunksRepository,
    @Inject(FilesRepository) private readonly files: FilesRepository,
  ) {}

  /** One chunk; or those of a source with the files of that name; or all. @returns how many chunks. */
  removeChunks(scope: Scope, owner: Owner, which: DeleteChunks): Promise<number> {
    return this.database.transaction(async (tx) => {
      const present = await this.bases.find(scope, owner, tx);
      const base = present && (await this.bases.lockById(tx, scope, present.id));
      const count = base ? await this.chunks.remove(tx, base, which) : 0;
      if (which.id !== undefined && count === 0) throw entryNotFound();
      if (base && which.id === undefined) await this.files.remove(tx, base, { name: which.source });
      return count;
    });
  }

  /** A file with its chunks. @returns how many chunks. @throws DomainError `not_found`. */
  removeFile(scope: Scope, id: string): Promise<number> {
    return this.database.transaction(async (tx) => {
      const file = await this.files.find(scope, id, tx);
      const base = file && (await this.bases.lockById(tx, scope, file.baseId));
      if (!base) throw fileNotFound();
      const count = await this.chunks.remove(tx, base, { fileId: id });
      if ((await this.files.remove(tx, base, { id })) === 0) throw fileNotFound();
      return count;
    });
  }
}
