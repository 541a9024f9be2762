import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import {
  CONTAINER_RUNTIME,
  type ContainerRuntime,
  type ContainerSpec,
  type ContainerState,
  type WorkspaceEntry,
} from '#libs/containers';
import { DomainError, newId } from '#libs/kernel';
import { OBJECT_STORAGE, type ObjectStorage } from '#libs/storage';
import type { ClaimedAgent } from '../reconciler/claimed-agent.js';
import type { StoredFile, StoredWorkspace } from './stored-workspace.js';
import { WorkspaceSync } from './workspace-sync.js';
import { WorkspacesRepository } from './workspaces.repository.js';

/** Makes sure that an agent starts from what it wrote last, wherever that was. */
@Injectable()
export class WorkspaceRestore {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(OBJECT_STORAGE) private readonly storage: ObjectStorage,
    @Inject(WorkspacesRepository) private readonly workspaces: WorkspacesRepository,
    @Inject(WorkspaceSync) private readonly sync: WorkspaceSync,
  ) {}

  /**
   * Makes the instance; where its workspace is not the present copy (new host, wiped folder, an old copy), the stored files
   * come first. The mark on the host and the one in Postgres are written last, in this order: whoever dies on the way
   * leaves two that differ, and the next attempt begins anew.
   * @throws DomainError code `restore_failed` when the storage can't give the files: the agent never starts without.
   */
  async ensure(agent: ClaimedAgent, spec: ContainerSpec, signal: AbortSignal): Promise<ContainerState> {
    await this.sync.active.end(agent.id);
    const workspace = await this.workspaces.load(agent.id);
    const copyId = newId();
    const isFirst = workspace?.copyId === null && workspace.version === 0;
    const state = await this.runtime.ensure(spec, signal, isFirst ? copyId : undefined);
    if (!workspace || (await this.isPresent(workspace, spec))) return state;
    const files = await this.workspaces.files(workspace, agent.id);
    const made = workspace.version > 0 ? await this.anew(spec, signal) : state;
    const isMarked = isFirst && state.status === 'created' && files.length === 0;
    if (!isMarked) await this.fill(workspace, files, copyId, signal);
    await this.workspaces.placed(agent, copyId, files.length, this.config.workspace.syncEverySeconds);
    return made;
  }

  /** A copy that nobody has placed needs no look for its mark. */
  private async isPresent({ copyId, agentId }: StoredWorkspace, { image }: ContainerSpec): Promise<boolean> {
    return copyId !== null && (await this.runtime.workspaces.mark(agentId, image)) === copyId;
  }

  /** What is left of another copy must not mix with the stored one. */
  private async anew(spec: ContainerSpec, signal: AbortSignal): Promise<ContainerState> {
    await this.runtime.remove(spec.agentId, { wipe: true }, signal);
    return this.runtime.ensure(spec, signal);
  }

  private async fill(
    workspace: StoredWorkspace,
    files: readonly StoredFile[],
    mark: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { agentId, runtime, store } = workspace;
    if (files.length > 0 && store !== (await this.storage.identify())) throw failed('they lie in another storage');
    try {
      const entries = this.entries(files, signal);
      await this.runtime.workspaces.restore(agentId, { runtime, files: entries, mark, signal });
    } catch (error) {
      if (signal.aborted || !(error instanceof DomainError)) throw error;
      throw error.code === 'restore_failed' ? error : failed(error.message, error);
    }
  }

  private async *entries(files: readonly StoredFile[], signal: AbortSignal): AsyncGenerator<WorkspaceEntry> {
    for (const file of files) {
      const content = await this.storage.get(file.key, signal);
      try {
        const { path, sizeBytes, executable } = file;
        yield { path, sizeBytes, executable, content: Readable.from(checked(content, file), { objectMode: false }) };
      } finally {
        content.destroy();
      }
    }
  }
}

/** The bytes, which fail at their end when they are not what was stored. */
async function* checked(content: AsyncIterable<Buffer>, { path, sha256 }: StoredFile): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw failed(`${JSON.stringify(path)} is not what was stored`);
}

const failed = (why: string, cause?: unknown): DomainError =>
  new DomainError('unavailable', 'restore_failed', `The agent's files could not be brought back: ${why}`, {}, cause);
