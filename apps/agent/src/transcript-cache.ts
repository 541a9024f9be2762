import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { ChatMessage, TranscriptKey } from './chat-request.js';
import { log } from './log.js';

/** What the agent remembers of one session. */
export interface Transcript {
  /** How many messages the session has had, kept here or not; what the caller's `x-rookery-turn` has to equal. */
  readonly count: number;
  /** Of the messages that came before `messages`; empty when there is none. */
  readonly summary: string;
  /** How many of the session's messages the summary stands for. */
  readonly summarised: number;
  /** The newest of them, oldest first. */
  readonly messages: readonly ChatMessage[];
}

const SCHEMA_VERSION = 2;
const MAX_TRANSCRIPTS = 500;
const FILES = ['', '-wal', '-shm'];

const SCHEMA = `
  CREATE TABLE transcripts (
    id INTEGER PRIMARY KEY, session TEXT NOT NULL, peer TEXT NOT NULL, count INTEGER NOT NULL, used_at INTEGER NOT NULL,
    summary TEXT NOT NULL DEFAULT '', summarised INTEGER NOT NULL DEFAULT 0,
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
  private readonly summarise: StatementSync;
  private readonly removeFrom: StatementSync;
  private readonly removeBefore: StatementSync;
  private readonly prune: StatementSync;

  private constructor(
    private readonly database: DatabaseSync,
    private readonly budgetChars: number,
  ) {
    this.find = database.prepare(
      'SELECT id, count, summary, summarised FROM transcripts WHERE session = ? AND peer = ?',
    );
    this.list = database.prepare('SELECT seq, role, text FROM messages WHERE transcript = ? ORDER BY seq');
    this.upsert = database.prepare(
      `INSERT INTO transcripts (session, peer, count, used_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (session, peer) DO UPDATE SET count = excluded.count, used_at = excluded.used_at RETURNING id`,
    );
    this.insert = database.prepare('INSERT OR REPLACE INTO messages (transcript, seq, role, text) VALUES (?, ?, ?, ?)');
    this.trim = database.prepare(
      `DELETE FROM messages WHERE transcript = :id AND seq <= (SELECT max(seq) FROM (
         SELECT seq, sum(length(text)) OVER (ORDER BY seq DESC) AS chars FROM messages WHERE transcript = :id
       ) WHERE chars > :budget)`,
    );
    this.summarise = database.prepare('UPDATE transcripts SET summary = ?, summarised = ? WHERE id = ?');
    this.removeFrom = database.prepare('DELETE FROM messages WHERE transcript = ? AND seq >= ?');
    this.removeBefore = database.prepare('DELETE FROM messages WHERE transcript = ? AND seq < ?');
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
    if (!found) return { count: 0, summary: '', summarised: 0, messages: [] };
    const messages = this.list.all(Number(found['id'])).map(messageOf);
    const [count, summarised] = [Number(found['count']), Number(found['summarised'])];
    return { count, summary: String(found['summary']), summarised, messages };
  }

  /**
   * Puts `messages`, the newest of the caller's `count`, in place of what was known of that part of the session. The summary
   * and the messages that are older than these stay.
   */
  replace(key: TranscriptKey, messages: readonly ChatMessage[], count: number): void {
    this.write(key, () => {
      const known = this.find.get(key.session, key.peer);
      const id = Number(this.upsert.get(key.session, key.peer, count, Date.now())?.['id']);
      const summarised = Number(known?.['summarised'] ?? 0);
      const firstSeq = count - messages.length;
      // A summary of more than there is belongs to another conversation.
      const isOurs = summarised <= count;
      if (!isOurs) this.summarise.run('', 0, id);
      this.removeFrom.run(id, isOurs ? firstSeq : 0);
      const missing = isOurs ? Math.max(0, summarised - firstSeq) : 0;
      this.store(id, messages.slice(missing), firstSeq + missing);
      this.prune.run(MAX_TRANSCRIPTS);
    });
  }

  /** Adds a completed turn, unless another turn came in between (then the next one is refilled). */
  append(key: TranscriptKey, countBefore: number, messages: readonly ChatMessage[]): void {
    this.write(key, () => {
      const known = this.find.get(key.session, key.peer);
      if (Number(known?.['count'] ?? 0) !== countBefore) return;
      const count = countBefore + messages.length;
      const id = Number(this.upsert.get(key.session, key.peer, count, Date.now())?.['id']);
      this.store(id, messages, countBefore);
      if (!known) this.prune.run(MAX_TRANSCRIPTS);
    });
  }

  /** Lets `summary` stand for the oldest `covered` of the messages kept, which go. */
  compact(key: TranscriptKey, summary: string, covered: number): void {
    this.write(key, () => {
      const id = Number(this.find.get(key.session, key.peer)?.['id'] ?? -1);
      const seqs = this.list.all(id).map((row) => Number(row['seq']));
      const upTo = (seqs[covered - 1] ?? -1) + 1;
      this.summarise.run(summary, upTo, id);
      this.removeBefore.run(id, upTo);
    });
  }

  /** Takes back an appended turn that the caller may not have seen whole: the counts differ again. */
  takeBack(key: TranscriptKey, countBefore: number): void {
    this.write(key, () => {
      const id = Number(this.find.get(key.session, key.peer)?.['id'] ?? -1);
      this.removeFrom.run(id, countBefore);
      if (id >= 0) this.upsert.get(key.session, key.peer, countBefore, Date.now());
    });
  }

  close(): void {
    this.database.close();
  }

  private store(id: number, messages: readonly ChatMessage[], firstSeq: number): void {
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

const messageOf = (row: Readonly<Record<string, unknown>>): ChatMessage => ({
  role: row['role'] === 'user' ? 'user' : 'assistant',
  text: String(row['text']),
});

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
