import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type {
  AgentWorkspaces,
  EraseFiles,
  PlaceFolder,
  ReadWorkspace,
  RestoreWorkspace,
  WorkspaceEntry,
} from '../agent-workspaces.js';
import { checkErasing } from '../workspace/erasing.js';
import { ReadingLimits } from '../workspace/limits.js';
import { ownFiles } from '../workspace/own-files.js';
import { checkPlacing } from '../workspace/placing.js';

/** A workspace as the fake host holds it. */
interface HeldWorkspace {
  readonly workspace: Map<string, string>;
  /** Paths that the control plane wrote. */
  readonly written: Set<string>;
  mark: string | null;
}

/** Workspaces in memory. */
export class FakeWorkspaces implements AgentWorkspaces {
  constructor(
    private readonly find: (agentId: string) => HeldWorkspace | undefined,
    private readonly before: (step: 'read' | 'restore' | 'place' | 'erase', agentId: string) => Promise<void>,
  ) {}

  mark(agentId: string): Promise<string | null> {
    return Promise.resolve(this.find(agentId)?.mark ?? null);
  }

  async *read(agentId: string, { runtime, mostBytes, signal }: ReadWorkspace): AsyncGenerator<WorkspaceEntry> {
    await this.before('read', agentId);
    const limits = new ReadingLimits(mostBytes);
    const isOwn = ownFiles(runtime);
    for (const [path, text] of [...(this.find(agentId)?.workspace ?? [])].sort()) {
      signal.throwIfAborted();
      const bytes = Buffer.from(text);
      limits.count(path, bytes.length);
      if (!isOwn(path)) continue;
      yield {
        path,
        sizeBytes: bytes.length,
        executable: false,
        content: Readable.from([bytes], { objectMode: false }),
      };
    }
  }

  async restore(agentId: string, { runtime, files, mark, signal }: RestoreWorkspace): Promise<void> {
    const agent = this.find(agentId);
    if (!agent) throw new Error('There is no workspace to restore: ensure comes first');
    agent.mark = null;
    const isOwn = ownFiles(runtime);
    for await (const { path, content } of files) {
      signal.throwIfAborted();
      await this.before('restore', agentId);
      const bytes = content ? await buffer(content) : Buffer.alloc(0);
      if (isOwn(path)) agent.workspace.set(path, bytes.toString());
    }
    agent.mark = mark;
  }

  async erase(agentId: string, { paths, signal }: EraseFiles): Promise<void> {
    checkErasing(paths);
    signal.throwIfAborted();
    await this.before('erase', agentId);
    const agent = this.find(agentId);
    for (const path of [...(agent?.workspace.keys() ?? [])]) {
      if (!paths.some((gone) => path === gone || path.startsWith(`${gone}/`))) continue;
      agent?.workspace.delete(path);
      agent?.written.delete(path);
    }
  }

  async place(agentId: string, { folder, files, signal }: PlaceFolder): Promise<void> {
    checkPlacing({ folder, files });
    signal.throwIfAborted();
    await this.before('place', agentId);
    const agent = this.find(agentId);
    if (!agent) return;
    for (const path of [...agent.workspace.keys()].filter((each) => each.startsWith(`${folder}/`))) {
      agent.workspace.delete(path);
      agent.written.delete(path);
    }
    for (const { path, content } of files) {
      agent.workspace.set(`${folder}/${path}`, content);
      agent.written.add(`${folder}/${path}`);
    }
  }
}
