import {
  CHUNKS_MAX,
  CHUNK_TEXT_MAX_LENGTH,
  DEFAULT_TYPE,
  type DeleteChunks,
  METADATA_MAX_BYTES,
  type NewChunk,
  QUERY_MAX_LENGTH,
  SOURCE_MAX_LENGTH,
  TYPE_MAX_LENGTH,
} from './knowledge.js';
import { wrongKnowledgeField } from './knowledge.errors.js';

/** What Postgres cannot hold. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;
const UNSTORABLE_JSON = /\\u0000|\\ud[89a-f]/i;

/** A chunk that passed every check. */
export interface CheckedChunk {
  readonly text: string;
  readonly source: string;
  readonly type: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The file that it was cut from. */
  readonly fileId?: string;
}

/** @throws DomainError `validation` naming the field. */
export function checkedChunks(chunks: readonly NewChunk[]): CheckedChunk[] {
  if (chunks.length === 0) throw wrongKnowledgeField(['body', 'chunks'], 'chunks must not be empty', 'too_short');
  if (chunks.length > CHUNKS_MAX) {
    throw wrongKnowledgeField(['body', 'chunks'], `chunks may hold at most ${CHUNKS_MAX}`, 'too_long');
  }
  return chunks.map(({ text, source, metadata = {} }, index) => {
    requireText(['body', 'chunks', index, 'text'], text, CHUNK_TEXT_MAX_LENGTH);
    requireText(['body', 'chunks', index, 'source'], source, SOURCE_MAX_LENGTH);
    requireMetadata(['body', 'chunks', index, 'metadata'], metadata);
    return { text, source, metadata, type: typeOf(metadata) };
  });
}

const typeOf = ({ type }: Readonly<Record<string, unknown>>): string =>
  typeof type === 'string' && type.trim() !== '' ? type.trim().slice(0, TYPE_MAX_LENGTH) : DEFAULT_TYPE;

/** @throws DomainError `validation`. */
export function checkedQuery(query: string): string {
  requireText(['query', 'q'], query, QUERY_MAX_LENGTH);
  return query;
}

/** @throws DomainError `validation` unless exactly one kind of deletion is asked for, and `all` with `confirm`. */
export function checkedDeletion({ source, id, all, confirm }: DeleteChunks): void {
  const asked = [source !== undefined, id !== undefined, all === true].filter(Boolean).length;
  if (asked !== 1) throw wrongKnowledgeField(['query', 'source'], 'Give exactly one of source, id and all=true');
  if (all === true && confirm !== true) {
    throw wrongKnowledgeField(['query', 'confirm'], 'confirm=true is needed to delete all entries', 'missing');
  }
  if (source !== undefined) requireText(['query', 'source'], source, SOURCE_MAX_LENGTH);
}

export function requireText(path: readonly (string | number)[], text: string, longest: number): void {
  const field = path.slice(1).join('.');
  if (text.trim() === '') throw wrongKnowledgeField(path, `${field} must not be empty`, 'string_too_short');
  if (isLongerThan(text, longest)) {
    throw wrongKnowledgeField(path, `${field} may have at most ${longest} characters`, 'string_too_long');
  }
  if (UNSTORABLE.test(text)) throw wrongKnowledgeField(path, `${field} must not hold NUL characters`, 'string_pattern');
}

export function requireMetadata(
  path: readonly (string | number)[],
  metadata: Readonly<Record<string, unknown>>,
  mostBytes = METADATA_MAX_BYTES,
): void {
  const json = JSON.stringify(metadata);
  const field = path.slice(1).join('.');
  if (Buffer.byteLength(json) > mostBytes) {
    throw wrongKnowledgeField(path, `${field} may have at most ${mostBytes} bytes of JSON`, 'too_long');
  }
  if (UNSTORABLE_JSON.test(json)) {
    throw wrongKnowledgeField(path, `${field} must not hold NUL characters`, 'string_pattern');
  }
}

/** Characters are code points here, as in the validators of the HTTP doors and in Postgres. */
export function isLongerThan(text: string, codePoints: number): boolean {
  if (text.length <= codePoints) return false;
  if (text.length > codePoints * 2) return true;
  return text.length - (text.match(PAIRS)?.length ?? 0) > codePoints;
}

const PAIRS = /[\ud800-\udbff][\udc00-\udfff]/g;
