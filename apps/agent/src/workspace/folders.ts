import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';

/**
 * The path of a folder below `root`, or undefined where there is none. A link on the way counts as none: Node's permission
 * model follows links out of the workspace.
 */
export function realFolder(root: string, ...parts: readonly string[]): string | undefined {
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    if (!statusOf(path)?.isDirectory()) return undefined;
  }
  return path;
}

/** What is at the path itself, a link not followed; undefined when nothing is, or nothing one may see. */
export function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** What lies in a folder, in the order of names; nothing when it can't be read. */
export function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

export interface FileText {
  readonly text: string;
  /** Of the whole file. */
  readonly sizeBytes: number;
}

/**
 * The beginning of a plain text file, at most `maxBytes` of it. Undefined for what is absent, no plain file, a link, a pipe
 * (opening one would wait) or not UTF-8 text.
 */
export function readPlainText(path: string, maxBytes: number): FileText | undefined {
  const bytes = readPlainFile(path, maxBytes);
  if (!bytes) return undefined;
  const whole = bytes.sizeBytes > bytes.start.length ? cutBetweenCharacters(bytes.start) : bytes.start;
  if (whole.includes(0) || !isUtf8(whole)) return undefined;
  return { text: whole.toString('utf8'), sizeBytes: bytes.sizeBytes };
}

function readPlainFile(path: string, maxBytes: number): { start: Buffer; sizeBytes: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const status = fstatSync(fd);
    // A second name for the file may be somebody else's: what is read through it would be theirs.
    if (!status.isFile() || status.nlink > 1) return undefined;
    const buffer = Buffer.alloc(Math.min(status.size, maxBytes));
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    return { start: buffer.subarray(0, length), sizeBytes: status.size };
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function cutBetweenCharacters(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && end > bytes.length - 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, Math.max(0, end - 1));
}
