import { createHash } from 'node:crypto';
import { type FieldIssue, invalid } from '#libs/kernel';

/** The files that say who an agent is and how it works. */
export const PERSONALITY_FILES = [
  'SOUL.md',
  'AGENTS.md',
  'TOOLS.md',
  'IDENTITY.md',
  'USER.md',
  'BOOTSTRAP.md',
  'HEARTBEAT.md',
  'MEMORY.md',
] as const;
export type PersonalityFile = (typeof PERSONALITY_FILES)[number];

/** Files at the workspace's root that users may edit. */
export type DocumentPath = PersonalityFile | 'WORKFLOW.md';

/** A file that users edit; made by {@link rulePath} or named here, never taken from a request as it is. */
export type FilePath = DocumentPath | `rules/${string}.md`;

/** What an agent reads of one file. */
export const MOST_FILE_BYTES = 64 * 1024;
export const MOST_RULES = 100;
/** Former contents kept of one file, and of all rules of an agent together. */
export const MOST_VERSIONS = 50;
export const MOST_RULE_VERSIONS = 1_000;

const RULE_NAME = /^[A-Za-z0-9_-]{1,100}$/;
/** Tab, line feed, form feed and carriage return are text; the other control characters mean a binary file. */
const BINARY = /[\u0000-\u0008\u000b\u000e-\u001f]/;

/** Digest of a text's UTF-8 bytes, hexadecimal. */
export const fileHash = (content: string): string => createHash('sha256').update(content, 'utf8').digest('hex');

/** The file of a rule. @throws DomainError `validation` for a name that is more than letters, digits, `-` and `_`. */
export function rulePath(name: string): FilePath {
  if (RULE_NAME.test(name)) return `rules/${name}.md`;
  const message = 'must be 1 to 100 letters, digits, hyphens and underscores';
  throw invalid(`The name of a rule ${message}`, [
    { path: ['path', 'name'], message, type: 'string_pattern_mismatch' },
  ]);
}

/** Undoes {@link rulePath}. */
export const ruleName = (path: string): string => path.slice('rules/'.length, -'.md'.length);

/** What is wrong with a file's content, as a clause; undefined when it is fine. */
export function contentProblem(content: string): string | undefined {
  if (Buffer.byteLength(content) > MOST_FILE_BYTES) return `must be at most ${MOST_FILE_BYTES} bytes of UTF-8`;
  if (/\p{Surrogate}/u.test(content)) return 'must be valid Unicode: it holds half of a surrogate pair';
  return BINARY.test(content) ? 'must be text: it holds control characters' : undefined;
}

/** @throws DomainError `validation` naming `field`. */
export function requireGoodContent(content: string, field: string): void {
  const problem = contentProblem(content);
  if (problem === undefined) return;
  const message = `${field} ${problem}`;
  const issue: FieldIssue = { path: ['body', field], message, type: 'invalid' };
  throw invalid(message, [issue]);
}
