import type { ContainerSpec } from '#libs/containers';

/** One stored file of an agent. */
export interface StoredFile {
  readonly path: string;
  /** Its object in the storage; every upload has a key of its own. */
  readonly key: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
}

/** What is known of an agent's workspace, as the worker of its host reads it. */
export interface StoredWorkspace {
  readonly agentId: string;
  readonly orgId: string;
  readonly runtime: ContainerSpec['runtime'];
  readonly image: string;
  /** Mark of the copy on a host that is the present one; null before the first. */
  readonly copyId: string | null;
  /** Where the files lie; null when none ever were. */
  readonly store: string | null;
  /** Raised with every new manifest; 0: none yet. */
  readonly version: number;
  readonly attempts: number;
  /** Why the last sync failed; null when it did not. */
  readonly errorCode: string | null;
  /** Paths that were not stored as they are: too large, or a database that could not be backed up. */
  readonly leftOut: readonly string[];
}

/** What a sync found, against the manifest before it. */
export interface WorkspaceChange {
  readonly uploaded: readonly StoredFile[];
  /** Paths that the manifest no longer has. */
  readonly gone: readonly string[];
  readonly leftOut: readonly string[];
  /** Of the whole new manifest. */
  readonly files: number;
  readonly bytes: number;
}

export type SyncOutcome = 'stored' | 'unchanged' | 'failed' | 'superseded';

/** The folder of an agent's objects. */
export const prefixOf = (agent: { readonly orgId: string; readonly agentId: string }): string =>
  `orgs/${agent.orgId}/agents/${agent.agentId}/`;

/** How many files of an agent are stored at most. */
export const MOST_FILES = 10_000;
