/** Lengths in code points. */
export const CHUNKS_MAX = 100;
export const CHUNK_TEXT_MAX_LENGTH = 4_000;
export const SOURCE_MAX_LENGTH = 500;
export const TYPE_MAX_LENGTH = 100;
export const QUERY_MAX_LENGTH = 2_000;
/** Of the JSON text of one chunk's metadata, in bytes. */
export const METADATA_MAX_BYTES = 8_192;
/** Chunks one base may hold. */
export const BASE_MAX_CHUNKS = 500_000;
/** Cosine from which two texts count as the same. Source: agento documentation, Knowledge. */
export const DUPLICATE_SIMILARITY = 0.95;
export const DEFAULT_TYPE = 'article';

/** Whose knowledge: exactly one of both. An agent that belongs to a swarm means its swarm. */
export interface KnowledgeTarget {
  readonly swarmId?: string | undefined;
  readonly agentId?: string | undefined;
}

export interface NewChunk {
  readonly text: string;
  readonly source: string;
  /** `type` among them becomes the type of the entry. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface Ingested {
  readonly stored: number;
  /** Duplicates of what was there or came before in the same call. */
  readonly skipped: number;
  readonly total: number;
}

/** A piece of text that agents can find. */
export interface Chunk {
  readonly id: string;
  readonly text: string;
  readonly source: string;
  readonly type: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ChunkPage {
  readonly items: readonly Chunk[];
  /** Where to go on; null at the end. */
  readonly nextCursor: string | null;
}

export interface ListChunks {
  readonly source?: string | undefined;
  /** Default 50, at most 100. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Which of a base's chunks to delete: exactly one of source, id and all. */
export interface DeleteChunks {
  readonly source?: string | undefined;
  readonly id?: string | undefined;
  readonly all?: boolean | undefined;
  /** Must be true for `all`. */
  readonly confirm?: boolean | undefined;
}

export interface SearchChunks {
  readonly query: string;
  readonly source?: string | undefined;
  readonly type?: string | undefined;
  /** What the metadata must contain. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Default 10, at most 50. */
  readonly limit?: number | undefined;
}

/** A chunk that was found. */
export interface FoundChunk extends Chunk {
  /** Reciprocal rank fusion of both rankings; only good for comparing hits of one answer. */
  readonly score: number;
  /** Cosine with the query; null when it was found by its words alone. */
  readonly similarity: number | null;
}
