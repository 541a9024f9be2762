import { Injectable } from '@nestjs/common';
import type { WorkspaceFile } from '#libs/containers';

/** Files of an agent's workspace that another domain keeps, for example below `skills/`. */
export type WorkspaceSource = (agent: { readonly id: string; readonly orgId: string }) => Promise<WorkspaceFile[]>;

/**
 * What an instance's workspace is written from besides the files that users edit. Domains above this one register here when
 * their module is made; each keeps to a folder of its own.
 */
@Injectable()
export class WorkspaceSources {
  private readonly sources: WorkspaceSource[] = [];

  register(source: WorkspaceSource): void {
    this.sources.push(source);
  }

  async files(agent: Parameters<WorkspaceSource>[0]): Promise<WorkspaceFile[]> {
    return (await Promise.all(this.sources.map((source) => source(agent)))).flat();
  }
}
