/** A file of the workspace that users edit. */
export interface AgentFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly content: string;
  /** Hexadecimal digest of the content's UTF-8 bytes. */
  readonly sha256: string;
  /** Counts the contents the file has had; 0 for one that was never written. */
  readonly version: number;
  /** Null for one that was never written. */
  readonly updatedAt: Date | null;
}

/** What a write left behind. */
export interface WrittenFile {
  readonly file: AgentFile;
  /** The agent runs on older settings than the present ones. */
  readonly needsRestart: boolean;
}

/** A rule as lists show it. */
export interface RuleFile {
  /** Without `.md`. */
  readonly name: string;
  /** Of the content in UTF-8. */
  readonly sizeBytes: number;
}

/** One content a file has or had, without the content. */
export interface FileVersion {
  readonly version: number;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly updatedAt: Date;
  /** Who wrote it (`user:<id>`, `key:<id>`); null for what came with the agent. */
  readonly updatedBy: string | null;
  /** It is what the file says now. */
  readonly isCurrent: boolean;
}

/** Conditions of a write. */
export interface WriteOptions {
  /** Digest of the content the writer has read; another one now means `conflict`. */
  readonly expectedHash?: string | undefined;
}
