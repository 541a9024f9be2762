import { Injectable } from '@nestjs/common';
import { KeyedMutex, type WorkspaceFile } from '#libs/containers';

/** Files of an agent's workspace that another domain keeps, for example below `skills/`. */
export type WorkspaceSource = (agent: { readonly id: string; readonly orgId: string }) => Promise<WorkspaceFile[]>;

/** Digests of tools of this host that another domain wants an agent to have; makes those that are missing. */
export type ToolSource = (
  agent: { readonly id: string; readonly orgId: string },
  signal: AbortSignal,
) => Promise<string[]>;

/**
 * What an instance's workspace is written from besides the files that users edit. Domains above this one register here when
 * their module is made; each keeps to a folder of its own.
 */
@Injectable()
export class WorkspaceSources {
  private readonly sources: WorkspaceSource[] = [];
  private readonly writing = new KeyedMutex();
  private readonly toolSources: ToolSource[] = [];

  register(source: WorkspaceSource): void {
    this.sources.push(source);
  }

  registerTools(source: ToolSource): void {
    this.toolSources.push(source);
  }

  /** Each once, in a fixed order. */
  async tools(agent: Parameters<ToolSource>[0], signal: AbortSignal): Promise<string[]> {
    const found = await Promise.all(this.toolSources.map((source) => source(agent, signal)));
    return [...new Set(found.flat())].sort();
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
