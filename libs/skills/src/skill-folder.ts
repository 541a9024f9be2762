import { createHash } from 'node:crypto';
import { readFrontMatter } from './front-matter.js';
import type { ParsedSkill, SkillFile } from './skill.js';
import { badSkill } from './skills.errors.js';

export const MOST_FILES = 64;
export const MOST_FILE_BYTES = 256 * 1024;
export const MOST_SKILL_BYTES = 512 * 1024;
const LONGEST_PATH = 200;
const LONGEST_PART = 100;
const DEEPEST = 6;
const PART = /^[A-Za-z0-9_][A-Za-z0-9_. -]*$/;

/**
 * Checks a skill's files and reads what they say of themselves.
 * @throws DomainError `validation` for what is no skill, too large, or has a path that could lead elsewhere.
 */
export function parseSkill(given: readonly SkillFile[]): ParsedSkill {
  if (given.length === 0) throw badSkill('has no files');
  if (given.length > MOST_FILES) throw badSkill(`has more than ${MOST_FILES} files`);
  const files = [...given].sort((a, b) => (a.path < b.path ? -1 : 1));
  refuseBadPaths(files.map(({ path }) => path));
  const sizes = files.map(({ content }) => Buffer.byteLength(content));
  if (sizes.some((size) => size > MOST_FILE_BYTES)) throw badSkill(`has a file of more than ${MOST_FILE_BYTES} bytes`);
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (sizeBytes > MOST_SKILL_BYTES) throw badSkill(`has more than ${MOST_SKILL_BYTES} bytes`);
  if (files.some(({ content }) => /\0|\p{Surrogate}/u.test(content))) throw badSkill('has a file that is no text');
  const main = files.find(({ path }) => path === 'SKILL.md');
  if (!main) throw badSkill('has no SKILL.md');
  return {
    ...readFrontMatter(main.content),
    toolCount: files.filter(({ path }) => path.startsWith('scripts/')).length,
    files,
    sizeBytes,
    digest: contentDigest(files),
  };
}

/** What was kept under former rules; undefined where it is no skill by the present ones. */
export function readKept(files: readonly SkillFile[]): ParsedSkill | undefined {
  try {
    return parseSkill(files);
  } catch {
    return undefined;
  }
}

/** SHA-256 over paths and contents, the same for the same files in whatever order they come. */
export function contentDigest(files: readonly SkillFile[]): string {
  const hash = createHash('sha256');
  const inOrder = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, content } of inOrder) hash.update(JSON.stringify([path, content]) + '\n');
  return hash.digest('hex');
}

/** Two paths that differ only in case, or of which one is a folder of the other, would overwrite each other. */
function refuseBadPaths(paths: readonly string[]): void {
  const seen = new Set<string>();
  for (const path of paths) {
    if (!isPlainPath(path)) throw badSkill('has a file whose path is not a plain relative one');
    const lower = path.toLowerCase();
    if (seen.has(lower)) throw badSkill('has two files of the same name');
    seen.add(lower);
  }
  const isFolder = (path: string): boolean => [...seen].some((other) => other.startsWith(`${path}/`));
  if ([...seen].some(isFolder)) throw badSkill('has a file where it has a folder');
}

function isPlainPath(path: string): boolean {
  const parts = path.split('/');
  return (
    path.length <= LONGEST_PATH &&
    parts.length <= DEEPEST &&
    parts.every((part) => part.length <= LONGEST_PART && PART.test(part) && !part.endsWith('.') && !part.endsWith(' '))
  );
}
