import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { Embedders } from '#libs/embeddings';
import { type Caller, type Page, type PageRequest, isUuid, newId, requireScope } from '#libs/kernel';
import { JobRinger } from '#libs/queue';
import { type Base, BasesRepository } from '../bases.repository.js';
import { fileNotFound, tooManyFiles, tooManyWaiting } from '../knowledge.errors.js';
import { LOAD_FILE } from '../knowledge.jobs.js';
import type { KnowledgeTarget } from '../knowledge.js';
import { Removal } from '../removal.js';
import { checkedFile } from './file-input.js';
import { FilesRepository } from './files.repository.js';
import { BASE_MAX_FILES, type KnowledgeFile, type NewKnowledgeFile, WAITING_FILES_MAX } from './knowledge-file.js';

const MOST_ROWS = 100;

/** Takes files in; a worker loads them. */
@Injectable()
export class KnowledgeUploads {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(FilesRepository) private readonly files: FilesRepository,
    @Inject(Embedders) private readonly embedders: Embedders,
    @Inject(JobRinger) private readonly jobs: JobRinger,
  ) {}

  /**
   * The file as it waits. What is wrong inside it shows later, in its `error`.
   * @param id - the same one again gives the file that is there
   * @throws DomainError `validation`, `payload_too_large`, `not_found` for the target, `plan_limit`, `rate_limited`.
   */
  async add(caller: Caller, target: KnowledgeTarget, file: NewKnowledgeFile, id = newId()): Promise<KnowledgeFile> {
    requireScope(caller, 'knowledge:write');
    const checked = checkedFile(file);
    const owner = await this.bases.ownerOf(caller, target, 'body');
    return this.database.transaction(async (tx) => {
      const base = await this.bases.lock(tx, caller, owner, this.embedders.current.id);
      const present = await this.files.find(caller, id, tx);
      if (present) return present;
      await this.requireRoom(tx, base);
      await this.files.insert(tx, base, { ...checked, id, createdBy: caller.subject });
      await this.jobs.ring(tx, LOAD_FILE, { fileId: id });
      return (await this.files.find(caller, id, tx))!;
    });
  }

  private async requireRoom(tx: Parameters<FilesRepository['counts']>[0], base: Base): Promise<void> {
    const { files, waiting } = await this.files.counts(tx, base);
    if (files >= BASE_MAX_FILES) throw tooManyFiles(BASE_MAX_FILES);
    if (waiting >= WAITING_FILES_MAX) throw tooManyWaiting(WAITING_FILES_MAX);
  }
}

/** Files that were handed over, as people see them. */
@Injectable()
export class KnowledgeFiles {
  constructor(
    @Inject(BasesRepository) private readonly bases: BasesRepository,
    @Inject(FilesRepository) private readonly files: FilesRepository,
    @Inject(Removal) private readonly removal: Removal,
  ) {}

  /** Newest first, at most 100 a page. @throws DomainError `validation`, `not_found` for the target. */
  async list(caller: Caller, target: KnowledgeTarget, page: PageRequest): Promise<Page<KnowledgeFile>> {
    requireScope(caller, 'knowledge:read');
    const base = await this.bases.find(caller, await this.bases.ownerOf(caller, target, 'query'));
    if (!base) return { items: [], total: 0 };
    return this.files.list(base, { ...page, limit: Math.min(page.limit, MOST_ROWS) });
  }

  /** @throws DomainError `not_found`. */
  async get(caller: Caller, id: string): Promise<KnowledgeFile> {
    requireScope(caller, 'knowledge:read');
    const file = isUuid(id) ? await this.files.find(caller, id) : undefined;
    if (!file) throw fileNotFound();
    return file;
  }

  /** With its chunks; one that is being loaded stops. @returns how many chunks. @throws DomainError `not_found`. */
  async remove(caller: Caller, id: string): Promise<number> {
    requireScope(caller, 'knowledge:write');
    if (!isUuid(id)) throw fileNotFound();
    return this.removal.removeFile(caller, id);
  }
}
