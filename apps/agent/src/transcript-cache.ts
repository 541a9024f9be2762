import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { ChatMessage, TranscriptKey } from './chat-request.js';
import { log } from './log.js';

/** What the agent remembers of one session. */
export interface Transcript {
  /** How many messages the session has had, kept here or not; what the caller's `x-rookery-turn` has to equal. */
  readonly count: number;
  /** The newest of them, oldest first. */
  readonly messages: readonly ChatMessage[];
}

const SCHEMA_VERSION = 1;
const MAX_TRANSCRIPTS = 500;
const FILES = ['', '-wal', '-shm'];

const SCHEMA = `
  CREATE TABLE transcripts (
    id INTEGER PRIMARY KEY, session TEXT NOT NULL, peer TEXT NOT NULL, count INTEGER NOT NULL, used_at INTEGER NOT NULL,
    UNIQUE (session, peer)
  );
  CREATE INDEX transcripts_used_at ON transcripts (used_at);
  CREATE TABLE messages (
    transcript INTEGER NOT NULL REFERENCES transcripts (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
    role TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (transcript, seq)
  ) WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * Conversations kept across restarts in SQLite. A cache: Postgres has the truth, so whatever is lost, damaged or trimmed
 * here is asked for again (`history_required`), and no failure to write ends a turn.
 */
export class TranscriptCache {
  private readonly find: StatementSync;
  private readonly list: StatementSync;
  private readonly upsert: StatementSync;
  private readonly insert: StatementSync;
  private readonly trim: StatementSync;
  private readonly remove: StatementSync;
  private readonly prune: StatementSync;

  private constructor(
    private readonly database: DatabaseSync,
    private readonly budgetChars: number,
  ) {
    this.find = database.prepare('SELECT id, count FROM transcripts WHERE session = ? AND peer = ?');
    this.list = database.prepare('SELECT role, text FROM messages WHERE transcript = ? ORDER BY seq');
    this.upsert = database.prepare(
      `INSERT INTO transcripts (session, peer, count, used_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (session, peer) DO UPDATE SET count = excluded.count, used_at = excluded.used_at RETURNING id`,
    );
    this.insert = database.prepare('INSERT INTO messages (transcript, seq, role, text) VALUES (?, ?, ?, ?)');
    this.trim = database.prepare(
      `DELETE FROM messages WHERE transcript = :id AND seq <= (SELECT max(seq) FROM (
         SELECT seq, sum(length(text)) OVER (ORDER BY seq DESC) AS chars FROM messages WHERE transcript = :id
       ) WHERE chars > :budget)`,
    );
    this.remove = database.prepare('DELETE FROM transcripts WHERE session = ? AND peer = ?');
    this.prune = database.prepare(
      'DELETE FROM transcripts WHERE id IN (SELECT id FROM transcripts ORDER BY used_at DESC LIMIT -1 OFFSET ?)',
    );
  }

  /**
   * Opens `<stateDir>/transcripts.sqlite`; a damaged file or one of another version is replaced, and where nothing can be
   * written the cache lives in memory.
   * @param budgetChars about how many characters of a transcript are worth keeping
   */
  static open(stateDir: string, budgetChars: number): TranscriptCache {
    const file = join(stateDir, 'transcripts.sqlite');
    try {
      mkdirSync(stateDir, { recursive: true, mode: 0o700 });
      return new TranscriptCache(openOrReplace(file), budgetChars);
    } catch (error) {
      log('warn', `transcripts are kept in memory only: ${codeOf(error)}`);
      return new TranscriptCache(prepareDatabase(':memory:'), budgetChars);
    }
  }

  read(key: TranscriptKey): Transcript {
    const found = this.find.get(key.session, key.peer);
    if (!found) return { count: 0, messages: [] };
    const messages = this.list.all(Number(found['id'])).map((row) => ({
      role: row['role'] === 'user' ? ('user' as const) : ('assistant' as const),
      text: String(row['text']),
    }));
    return { count: Number(found['count']), messages };
  }

  /** Puts `messages` in place of what was known; `count` may be larger, when only the newest were sent. */
  replace(key: TranscriptKey, messages: readonly ChatMessage[], count: number): void {
    this.write(key, () => {
      this.remove.run(key.session, key.peer);
      this.store(key, messages, count - messages.length, count);
      this.prune.run(MAX_TRANSCRIPTS);
    });
  }

  /** Adds a completed turn, unless another turn came in between (then the next one is refilled). */
  append(key: TranscriptKey, countBefore: number, messages: readonly ChatMessage[]): void {
    this.write(key, () => {
      const known = this.find.get(key.session, key.peer);
      if (Number(known?.['count'] ?? 0) !== countBefore) return;
      this.store(key, messages, countBefore, countBefore + messages.length);
      if (!known) this.prune.run(MAX_TRANSCRIPTS);
    });
  }

  /** Drops a transcript whose last turn the caller may not have seen whole. */
  forget(key: TranscriptKey): void {
    this.write(key, () => this.remove.run(key.session, key.peer));
  }

  close(): void {
    this.database.close();
  }

  private store(key: TranscriptKey, messages: readonly ChatMessage[], firstSeq: number, count: number): void {
    const id = Number(this.upsert.get(key.session, key.peer, count, Date.now())?.['id']);
    messages.forEach((message, index) => this.insert.run(id, firstSeq + index, message.role, message.text));
    this.trim.run({ id, budget: this.budgetChars });
  }

  private write(key: TranscriptKey, change: () => void): void {
    try {
      this.database.exec('BEGIN IMMEDIATE');
      change();
      this.database.exec('COMMIT');
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      log('warn', `transcript of session ${key.session} was not written: ${codeOf(error)}`);
    }
  }
}

function openOrReplace(file: string): DatabaseSync {
  try {
    return prepareDatabase(file);
  } catch (error) {
    log('warn', `transcripts start anew: ${codeOf(error)}`);
    for (const suffix of FILES) rmSync(file + suffix, { force: true });
    return prepareDatabase(file);
  }
}

function prepareDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 1000 });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512;');
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version === 0) database.exec(SCHEMA);
    else if (version !== SCHEMA_VERSION) throw new Error(`schema version ${version}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const codeOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown error');
