import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TranscriptKey } from '../chat-request.js';

/** What OpenClaw remembers of one session of ours. */
export interface SessionEntry {
  /** The last part of OpenClaw's session key. */
  readonly key: string;
  /** Messages of the session that OpenClaw has seen. */
  readonly count: number;
}

const MOST_SESSIONS = 2_000;

/**
 * Which of OpenClaw's sessions belongs to which of ours. OpenClaw keeps the transcripts; a session is reset by giving it a
 * new key. Lost entries only mean that the caller is asked for the earlier messages once.
 */
export class SessionBook {
  private readonly entries = new Map<string, SessionEntry>();

  constructor(private readonly file: string) {
    for (const [id, key, count] of readEntries(file)) this.entries.set(id, { key, count });
  }

  /** A session that is not known begins empty, under a new key. */
  read(session: TranscriptKey): SessionEntry {
    return this.entries.get(idOf(session)) ?? this.fresh(session);
  }

  /** An entry under a key never used before. */
  fresh(session: TranscriptKey, count = 0): SessionEntry {
    return { key: `${idOf(session).slice(0, 24)}-${randomBytes(8).toString('hex')}`, count };
  }

  keep(session: TranscriptKey, entry: SessionEntry): void {
    const id = idOf(session);
    this.entries.delete(id);
    this.entries.set(id, entry);
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= MOST_SESSIONS) break;
      this.entries.delete(oldest);
    }
    this.write();
  }

  /** OpenClaw's transcript is not what the caller has stored: the next turn begins a new one. */
  forget(session: TranscriptKey): void {
    if (this.entries.delete(idOf(session))) this.write();
  }

  private write(): void {
    const draft = `${this.file}.new`;
    try {
      mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
      const rows = [...this.entries].map(([id, { key, count }]) => [id, key, count]);
      writeFileSync(draft, JSON.stringify(rows), { mode: 0o600 });
      renameSync(draft, this.file);
    } catch {
      // a full disk: the book lives in memory, and after a restart the callers refill
    }
  }
}

const idOf = ({ session, peer }: TranscriptKey): string =>
  createHash('sha256')
    .update(JSON.stringify([session, peer]))
    .digest('hex');

function readEntries(file: string): [string, string, number][] {
  try {
    const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(rows) ? rows.filter(isRow).slice(-MOST_SESSIONS) : [];
  } catch {
    return [];
  }
}

const isRow = (row: unknown): row is [string, string, number] =>
  Array.isArray(row) &&
  /^[0-9a-f]{64}$/.test(String(row[0])) &&
  /^[0-9a-f-]{8,80}$/.test(String(row[1])) &&
  Number.isInteger(row[2]);
