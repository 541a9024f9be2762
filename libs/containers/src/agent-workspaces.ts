import type { Readable } from 'node:stream';
import type { ContainerSpec, WorkspaceFile } from './container-runtime.js';

/** One file of a workspace that is the agent's own. */
export interface WorkspaceEntry {
  /** Relative to the workspace, forward slashes, no `..`; at most 1024 bytes. */
  readonly path: string;
  /** As found; the content may turn out shorter when the agent writes meanwhile. */
  readonly sizeBytes: number;
  readonly executable: boolean;
  /** To be read, or left alone, before the next entry is asked for; null when it is there but can't be read just now. */
  readonly content: Readable | null;
}

/** Which files, and how much may be looked at for them. */
export interface ReadWorkspace {
  readonly runtime: ContainerSpec['runtime'];
  /** The agent's image, for where nothing of the agent runs or stands any more. */
  readonly image: string;
  /** Bytes of all files together, also of those that are not given out. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

/** Files for a workspace whose instance exists and does not run yet. */
export interface RestoreWorkspace {
  readonly runtime: ContainerSpec['runtime'];
  readonly files: AsyncIterable<WorkspaceEntry>;
  /** Written last, when every file is there. */
  readonly mark: string;
  readonly signal: AbortSignal;
}

/** A folder that the control plane keeps in a workspace, for example `skills/<id>`. */
export interface PlaceFolder {
  /** The agent's image, for where nothing of the agent runs or stands. */
  readonly image: string;
  /** Relative to the workspace, at least one folder deep, not the agent's own. */
  readonly folder: string;
  /** Paths relative to the folder; none: there is to be no such folder. */
  readonly files: readonly WorkspaceFile[];
  readonly signal: AbortSignal;
}

/** Files and folders that are to go from a workspace. */
export interface EraseFiles {
  /** The agent's image, for where a program has to do it. */
  readonly image: string;
  /** Relative to the workspace. */
  readonly paths: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * What agents wrote into their workspaces, seen from outside. The agent is not trusted: links, pipes and devices are left
 * out, no path leads anywhere else, and what is read is bounded.
 */
export interface AgentWorkspaces {
  /** The mark of the last restore; null for a workspace that is new, gone, or whose restore never ended. */
  mark(agentId: string, image: string): Promise<string | null>;
  /**
   * The agent's own files: none that the control plane writes and no mere cache (see `ownFiles`). Databases of SQLite that
   * a running agent may have open come as SQLite's own backup of them. It ends early only by throwing: what it did not give
   * out is not there.
   * @throws DomainError `payload_too_large`, code `workspace_too_large`, beyond `mostBytes` or 100,000 entries.
   */
  read(agentId: string, options: ReadWorkspace): AsyncIterable<WorkspaceEntry>;
  /** Writes files and mark. What fails leaves no mark, and may leave some of the files. */
  restore(agentId: string, restore: RestoreWorkspace): Promise<void>;
  /**
   * Makes a folder hold exactly these files, at once also for an agent that runs: it sees the folder as it was or as it is to be. They
   * count as files of the spec, so the next instance whose spec has them not loses them. Does nothing where there is no
   * workspace. Not to be called while `ensure` of the same agent is under way.
   * @throws DomainError code `config` for a folder of the agent's own, `placing_failed` when it may be tried again.
   */
  place(agentId: string, place: PlaceFolder): Promise<void>;
  /**
   * Takes files and folders away, whatever the agent made of them; to be called while it does not run. Does nothing where there is
   * no workspace.
   * @throws DomainError code `erase_failed` when it may be tried again.
   */
  erase(agentId: string, erase: EraseFiles): Promise<void>;
}
