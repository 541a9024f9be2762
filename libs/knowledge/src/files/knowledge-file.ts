/** What can be loaded, by the name of its format. */
export const FILE_FORMATS = ['md', 'txt', 'csv', 'json', 'html', 'pdf'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export const FILE_STATUSES = ['queued', 'loading', 'completed', 'failed'] as const;
export type FileStatus = (typeof FILE_STATUSES)[number];

export const FILE_MAX_BYTES = 10 * 1024 * 1024;
/** Of its base64 text, with what stands around it in a request. */
export const FILE_UPLOAD_MAX_BYTES = 14 * 1024 * 1024;
/** Chunks one file may become. */
export const FILE_MAX_CHUNKS = 10_000;
/** Characters a chunk of a file has at most, unless the upload says otherwise. */
export const FILE_CHUNK_SIZE = 1_500;
export const FILE_CHUNK_SIZE_MIN = 200;
export const CHARSET_MAX_LENGTH = 40;
/** Files a base may have, loaded ones among them. */
export const BASE_MAX_FILES = 10_000;
/** Files of an organisation that may wait or be loading at a time. */
export const WAITING_FILES_MAX = 100;

const FORMAT_OF_ENDING: Readonly<Record<string, FileFormat>> = {
  md: 'md',
  markdown: 'md',
  txt: 'txt',
  text: 'txt',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  html: 'html',
  htm: 'html',
  pdf: 'pdf',
};

/** By the ending of the name; undefined for one that says nothing. */
export const formatOfName = (name: string): FileFormat | undefined =>
  FORMAT_OF_ENDING[/\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''];

/** A file as it is handed over. */
export interface NewKnowledgeFile {
  /** Becomes the source of its chunks. */
  readonly name: string;
  readonly content: Uint8Array;
  /** Default: by the ending of the name. */
  readonly format?: FileFormat | undefined;
  /** How its text is encoded, by a WHATWG label; default: what the file says, else UTF-8. */
  readonly charset?: string | undefined;
  /** Characters a chunk has at most. */
  readonly chunkSize?: number | undefined;
  /** For each of its chunks. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** A file that was handed over, and how far it is loaded. */
export interface KnowledgeFile {
  readonly id: string;
  /** Whose knowledge it is: one of both. */
  readonly swarmId: string | null;
  readonly agentId: string | null;
  readonly name: string;
  readonly format: FileFormat;
  readonly sizeBytes: number;
  readonly status: FileStatus;
  /** Null until the file was read. */
  readonly chunksTotal: number | null;
  readonly chunksDone: number;
  /** Of those done, what was new; the others were duplicates. */
  readonly stored: number;
  /** Why it failed, or why it waits for another try. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** A piece of a file, with where it stands in it. */
export interface FilePiece {
  readonly text: string;
  readonly place: Readonly<Record<string, string | number>>;
}
