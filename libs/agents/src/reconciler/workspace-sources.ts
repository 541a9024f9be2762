import { Injectable } from '@nestjs/common';
import { KeyedMutex, type WorkspaceFile } from '#libs/containers';

/** Files of an agent's workspace that another domain keeps, for example below `skills/`. */
export type WorkspaceSource = (agent: { readonly id: string; readonly orgId: string }) => Promise<WorkspaceFile[]>;

/**
 * What an instance's workspace is written from besides the files that users edit. Domains above this one register here when
 * their module is made; each keeps to a folder of its own.
 */
@Injectable()
export class WorkspaceSources {
  private readonly sources: WorkspaceSource[] = [];
  private readonly writing = new KeyedMutex();

  register(source: WorkspaceSource): void {
    this.sources.push(source);
  }

  async files(agent: Parameters<WorkspaceSource>[0]): Promise<WorkspaceFile[]> {
    return (await Promise.all(this.sources.map((source) => source(agent)))).flat();
  }

  /**
   * One at a time an agent: the making of an instance (from reading the sources to the last file written), and whoever changes
   * a workspace beside it. Who writes under it what its source says now is never undone by an older reading.
   */
  exclusively<T>(agentId: string, work: () => Promise<T>): Promise<T> {
    return this.writing.run(agentId, work);
  }
}
