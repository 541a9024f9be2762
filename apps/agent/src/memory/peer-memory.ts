import { closeSync, constants, mkdirSync, openSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toUSVString } from 'node:util';
import { ToolError } from '../tools/agent-tool.js';
import { entriesOf, readPlainText, realFolder, statusOf } from '../workspace/folders.js';
import { memoryFolder } from './memory-folder.js';

const ROOT = 'memory';
const EXTENSION = '.md';
const DRAFT = '.draft.tmp';
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}\p{M} ._-]*$/u;
const MAX_NAME_CHARS = 80;
/** A file's name may have 255 bytes on the usual file systems. */
const MAX_NAME_BYTES = 240;

/** What one peer's notes may take, and how many peers an agent can keep notes of. */
export const MEMORY_LIMITS = {
  entries: 100,
  entryBytes: 16 * 1024,
  totalBytes: 512 * 1024,
  peers: 10_000,
} as const;

export interface MemoryEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly changedAt: number;
}

/**
 * The notes of one peer: text files in a folder of the workspace that only turns of this peer use. Links are never followed,
 * and a file is replaced as a whole, so no name leads anywhere else and a write is seen whole or not at all.
 */
export class PeerMemory {
  private readonly folderName: string;

  constructor(
    private readonly workspace: string,
    peer: string,
  ) {
    this.folderName = memoryFolder(peer);
  }

  /** Newest first. */
  list(): MemoryEntry[] {
    const folder = this.folder();
    if (folder === undefined) return [];
    return entriesOf(folder)
      .flatMap((entry) => {
        const status = isNote(entry.name) ? statusOf(join(folder, entry.name)) : undefined;
        if (!status?.isFile() || status.nlink > 1) return [];
        return [{ name: entry.name.slice(0, -EXTENSION.length), sizeBytes: status.size, changedAt: status.mtimeMs }];
      })
      .sort((a, b) => b.changedAt - a.changedAt || (a.name < b.name ? -1 : 1))
      .slice(0, MEMORY_LIMITS.entries);
  }

  /** @throws ToolError when there is no such note. */
  read(name: string): string {
    const text = this.find(name);
    if (text === undefined) throw new ToolError('There is no such note.');
    return text;
  }

  /** Creates or replaces. @throws ToolError for a bad name, past a limit, or when nothing can be written. */
  write(name: string, text: string): void {
    const note = noteName(name);
    const bytes = Buffer.from(toUSVString(text), 'utf8');
    this.checkRoom(note, bytes.length);
    const folder = this.folder() ?? this.makeFolder();
    try {
      replaceFile(folder, note, bytes);
    } catch {
      throw new ToolError('The note could not be written.');
    }
  }

  /** Adds lines at the end, or creates. @throws ToolError as `write`. */
  append(name: string, text: string): void {
    const before = this.find(name);
    this.write(name, before === undefined || before === '' ? text : `${before.replace(/\n$/, '')}\n${text}`);
  }

  /** @throws ToolError when there is no such note. */
  delete(name: string): void {
    const folder = this.folder();
    const file = folder === undefined ? undefined : join(folder, noteName(name));
    if (file === undefined || !statusOf(file)?.isFile()) throw new ToolError('There is no such note.');
    unlinkSync(file);
  }

  private find(name: string): string | undefined {
    const note = noteName(name);
    const folder = this.folder();
    return folder === undefined ? undefined : readPlainText(join(folder, note), MEMORY_LIMITS.entryBytes)?.text;
  }

  private folder(): string | undefined {
    return realFolder(this.workspace, ROOT, this.folderName);
  }

  private checkRoom(note: string, bytes: number): void {
    if (bytes > MEMORY_LIMITS.entryBytes) {
      throw new ToolError(`A note may have at most ${MEMORY_LIMITS.entryBytes} bytes; shorten it, or split it up.`);
    }
    const others = this.list().filter(({ name }) => name + EXTENSION !== note);
    if (others.length >= MEMORY_LIMITS.entries) {
      throw new ToolError(`There are ${MEMORY_LIMITS.entries} notes already; delete or merge some first.`);
    }
    const used = others.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (used + bytes > MEMORY_LIMITS.totalBytes) {
      throw new ToolError(`All notes together may have at most ${MEMORY_LIMITS.totalBytes} bytes; delete some first.`);
    }
  }

  private makeFolder(): string {
    const root = makeFolder(this.workspace, ROOT);
    if (root !== undefined && entriesOf(root).length >= MEMORY_LIMITS.peers) {
      throw new ToolError('The memory of this agent is full.');
    }
    const folder = root === undefined ? undefined : makeFolder(root, this.folderName);
    if (folder === undefined) throw new ToolError("Notes can't be kept just now.");
    return folder;
  }
}

/**
 * The name of a note's file.
 * @throws ToolError for what could be anything but a plain name in one folder
 */
export function noteName(name: string): string {
  const plain = name.normalize('NFC').trim().replace(/\.md$/i, '');
  const note = plain + EXTENSION;
  if (!NAME.test(plain) || plain.length > MAX_NAME_CHARS || Buffer.byteLength(note) > MAX_NAME_BYTES) {
    throw new ToolError(
      `A note's name has at most ${MAX_NAME_CHARS} letters, digits, spaces, dots, hyphens and underscores, and begins with a letter or digit.`,
    );
  }
  return note;
}

const isNote = (file: string): boolean => file.endsWith(EXTENSION) && !file.startsWith('.');

function makeFolder(parent: string, name: string): string | undefined {
  try {
    mkdirSync(join(parent, name), { recursive: true, mode: 0o700 });
  } catch {
    return undefined;
  }
  return realFolder(parent, name);
}

function replaceFile(folder: string, note: string, bytes: Buffer): void {
  const draft = join(folder, DRAFT);
  rmSync(draft, { recursive: true, force: true });
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const fd = openSync(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeFileSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
  // Replaces the name itself, whatever it stood for: neither a link nor a second name of a file is written through.
  renameSync(draft, join(folder, note));
}
