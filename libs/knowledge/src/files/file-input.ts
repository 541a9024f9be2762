import { DomainError } from '#libs/kernel';
import { requireMetadata, requireText } from '../knowledge-input.js';
import { CHUNK_TEXT_MAX_LENGTH, SOURCE_MAX_LENGTH } from '../knowledge.js';
import { wrongKnowledgeField } from '../knowledge.errors.js';
import {
  FILE_CHUNK_SIZE,
  FILE_CHUNK_SIZE_MIN,
  FILE_FORMATS,
  FILE_MAX_BYTES,
  type FileFormat,
  type NewKnowledgeFile,
  formatOfName,
} from './knowledge-file.js';
import { isCharset } from './readers/decode-text.js';

/** A file that passed every check that needs no look into it. */
export interface CheckedFile {
  readonly name: string;
  readonly content: Uint8Array;
  readonly format: FileFormat;
  readonly charset: string | null;
  readonly chunkSize: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Of `PDF-`, which may stand behind a little something. */
const SIGNATURE_BYTES = 1_024;

/** @throws DomainError `validation` naming the field, `payload_too_large`. */
export function checkedFile({ name, content, charset, metadata = {}, ...more }: NewKnowledgeFile): CheckedFile {
  const { format = formatOfName(name), chunkSize = FILE_CHUNK_SIZE } = more;
  requireText(['body', 'name'], name, SOURCE_MAX_LENGTH);
  if (/\p{Cc}/u.test(name)) throw wrong('name', 'name must not hold control characters');
  if (format === undefined || !FILE_FORMATS.includes(format)) {
    throw wrong('name', `name must end in .${FILE_FORMATS.join(', .')}, or format say what the file is`);
  }
  if (charset !== undefined && !isCharset(charset)) throw wrong('charset', 'charset is none that can be decoded');
  if (!Number.isInteger(chunkSize) || chunkSize < FILE_CHUNK_SIZE_MIN || chunkSize > CHUNK_TEXT_MAX_LENGTH) {
    throw wrong('chunkSize', `chunkSize must be from ${FILE_CHUNK_SIZE_MIN} to ${CHUNK_TEXT_MAX_LENGTH}`);
  }
  requireMetadata(['body', 'metadata'], metadata, MOST_METADATA_BYTES);
  requireContent(content, format);
  return { name, content, format, charset: charset ?? null, chunkSize, metadata };
}

/** Leaves room for where a chunk stands in its file. */
const MOST_METADATA_BYTES = 4_096;

function requireContent(content: Uint8Array, format: FileFormat): void {
  if (content.length === 0) throw wrong('content', 'content must not be empty');
  if (content.length > FILE_MAX_BYTES) {
    throw new DomainError('payload_too_large', 'payload_too_large', `A file has at most ${FILE_MAX_BYTES} bytes`, {
      limit: FILE_MAX_BYTES,
    });
  }
  const isPdf = Buffer.from(content.subarray(0, SIGNATURE_BYTES)).includes('%PDF-');
  if (format === 'pdf' && !isPdf) throw wrong('content', 'content is no PDF');
}

const wrong = (field: string, message: string): DomainError => wrongKnowledgeField(['body', field], message);
