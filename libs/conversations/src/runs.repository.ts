import { Inject, Injectable } from '@nestjs/common';
import { GATEWAY_TARGET_SQL, type GatewayTarget } from '#libs/agents';
import { Database, isUniqueViolation } from '#libs/database';
import { INSTANCE_DEAD_AFTER_SECONDS } from '#libs/instances';
import type { Scope } from '#libs/kernel';
import type { ChatRunState } from './chat.js';
import { INTERRUPTED } from './conversations.errors.js';
import { searchOf } from './conversations/message-search.js';
import type { RunStatus } from './run.state.js';

/** A deleted conversation can be asked back from an operator for so long; then its messages go. */
const DELETED_KEPT_DAYS = 30;

/** What `open` writes. */
export interface NewRun {
  readonly runId: string;
  readonly agentId: string;
  readonly owner: string;
  /** The owner is a peer: the agent must be one that serves peers. */
  readonly isPeer: boolean;
  /** Null: the owner's newest session. */
  readonly sessionId: string | null;
  readonly instanceId: string;
  readonly onDisconnect: 'cancel' | 'continue';
  readonly message: string;
}

export interface OpenedSession {
  readonly sessionId: string;
  /** Messages of the session before this run's two. */
  readonly turn: number;
  /** Where the agent answers. */
  readonly target: GatewayTarget;
}

interface OpenedRow {
  readonly session_id: string;
  readonly turn: number;
}

export interface RunEnd {
  readonly status: Exclude<RunStatus, 'running'>;
  /** Text not yet stored, and the bytes of UTF-8 that are. */
  readonly rest: string;
  readonly at: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
}

export interface EarlierMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface RunProgress {
  readonly status: RunStatus;
  readonly error_code: string | null;
  readonly error_message: string | null;
  /** Null while it is no longer than what the caller knows. */
  readonly content: string | null;
}

/**
 * The newest `$4` messages before the run's own that fit `$5` characters together, oldest first; none of the time before the agent's
 * memory was reset.
 */
const EARLIER = `
  SELECT role, content FROM (
    SELECT id, role, content, sum(length(content)) OVER (ORDER BY id DESC) AS chars FROM (
      SELECT id, role, content FROM messages
       WHERE org_id = $1 AND session_id = $2 AND run_id IS DISTINCT FROM $3 AND content <> ''
          AND created_at > coalesce((SELECT a.memory_reset_at FROM agents a WHERE a.id = messages.agent_id), '-infinity')
       ORDER BY id DESC LIMIT $4) newest) counted
   WHERE chars <= $5 ORDER BY id`;

/**
 * A reply is as old as its first text. No two messages of a session share a millisecond, all that a client is told of
 * their time, so that asking for what came `since` one leaves out none.
 */
const REPLIED_AT = `CASE WHEN m.content = '' THEN GREATEST(clock_timestamp(), m.created_at + interval '1 ms') ELSE m.created_at END`;

/**
 * One statement looks where the agent answers, locks the session, counts its messages on, and inserts the run and both its
 * messages: a round trip is a good part of what a chat waits for. The commit does not
 * wait for the disk: the run's next write does, and it ends no run that a crash of Postgres took away (ADR 0005).
 */
const OPEN = `
  WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS setting), target AS (${GATEWAY_TARGET_SQL}), chosen AS (
    UPDATE chat_sessions SET message_count = message_count + 2, updated_at = now() FROM target
     WHERE org_id = $1 AND agent_id = $2 AND owner = $3 AND status = 'ACTIVE' AND (target."servesPeers" OR NOT $9::boolean) AND chat_sessions.id = COALESCE($4::text, (
             SELECT id FROM chat_sessions WHERE org_id = $1 AND agent_id = $2 AND owner = $3 AND status = 'ACTIVE'
              ORDER BY started_at DESC, id DESC LIMIT 1))
    RETURNING chat_sessions.id, message_count - 2 AS turn
  ), run AS (
    INSERT INTO runs (id, org_id, agent_id, session_id, instance_id, on_disconnect)
    SELECT $5, $1, $2, id, $6, $7 FROM chosen RETURNING session_id
  ), said AS (
    INSERT INTO messages (org_id, agent_id, session_id, run_id, role, content, created_at)
    SELECT $1, $2, run.session_id, $5, part.role, part.content, GREATEST(clock_timestamp(), (
             SELECT created_at + interval '1 ms' FROM messages m WHERE m.session_id = run.session_id ORDER BY id DESC LIMIT 1))
      FROM run CROSS JOIN (VALUES (1, 'user', $8::text), (2, 'assistant', '')) AS part (n, role, content) ORDER BY part.n
  )
  SELECT chosen.id AS session_id, chosen.turn, target.* FROM chosen CROSS JOIN target CROSS JOIN quick`;

/**
 * The row lock keeps a concurrent close from being followed by more text; the length makes a repeated append a no-op
 * when the first one did arrive.
 */
const APPEND = `
  WITH run AS (SELECT id FROM runs WHERE org_id = $1 AND id = $2 AND status = 'running' FOR SHARE), written AS (
    UPDATE messages m SET content = m.content || $3,
           created_at = ${REPLIED_AT}
      FROM run WHERE m.run_id = run.id AND m.role = 'assistant' AND octet_length(m.content) = $4
  )
  SELECT id FROM run`;

/** What is left of a reply goes to the reply alone, and only where it was not stored already. */
const ADDED = `CASE WHEN m.role = 'assistant' AND octet_length(m.content) = $5 THEN $4::text ELSE '' END`;

const CLOSE = `
  WITH run AS (
    UPDATE runs SET status = $3, error_code = $6, error_message = $7, prompt_tokens = $8, completion_tokens = $9,
           finished_at = clock_timestamp()
     WHERE org_id = $1 AND id = $2 AND status = 'running' RETURNING id
  ), said AS (
    UPDATE messages m SET content = m.content || ${ADDED},
           created_at = CASE WHEN ${ADDED} = '' THEN m.created_at ELSE ${REPLIED_AT} END,
           search = ${searchOf(`m.content || ${ADDED}`)}
      FROM run WHERE m.run_id = run.id
  )
  SELECT id FROM run`;

/** While Postgres was away nobody could beat, so beats count from its start. An instance that ended well has no row. */
const CLOSE_DEAD = `
  WITH closed AS (UPDATE runs r SET status = 'interrupted', error_code = $1, error_message = $2, finished_at = clock_timestamp()
   WHERE r.status = 'running' AND NOT EXISTS (
           SELECT 1 FROM instances i WHERE i.id = r.instance_id
              AND GREATEST(i.heartbeat_at, pg_postmaster_start_time()) > now() - make_interval(secs => $3))
     AND ($4::uuid IS NULL OR (r.org_id = $4 AND r.agent_id = $5 AND r.session_id IN (
           SELECT id FROM chat_sessions WHERE org_id = $4 AND agent_id = $5 AND owner = $6)))
  RETURNING r.id), said AS (
    UPDATE messages m SET search = ${searchOf('m.content')} FROM closed WHERE m.run_id = closed.id)
  SELECT id FROM closed`;

/** With a run go its messages. */
const DELETE_RUNS = `
  DELETE FROM runs WHERE id IN (
    SELECT id FROM runs WHERE started_at < $1 AND status <> 'running' LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1`;

const DELETE_SESSIONS = `
  DELETE FROM chat_sessions WHERE id IN (
    SELECT s.id FROM chat_sessions s
     WHERE (s.started_at < $1 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.session_id = s.id))
        OR s.deleted_at < now() - interval '${DELETED_KEPT_DAYS} days'
     LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1`;

const PROGRESS = `
  SELECT r.status, r.error_code, r.error_message,
         CASE WHEN octet_length(m.content) > $4::bigint THEN m.content END AS content
    FROM runs r LEFT JOIN messages m ON m.run_id = r.id AND m.role = 'assistant'
   WHERE r.org_id = $1 AND r.agent_id = $2 AND r.id = $3`;

const FIND = `
  SELECT r.id, r.session_id AS "sessionId", r.status, r.on_disconnect AS "onDisconnect", r.error_code AS "errorCode",
         r.error_message AS "errorMessage", r.started_at AS "startedAt", r.finished_at AS "finishedAt",
         r.prompt_tokens AS "promptTokens", r.completion_tokens AS "completionTokens"
    FROM runs r JOIN agents a ON a.id = r.agent_id AND a.desired_state <> 'deleted'
   WHERE r.org_id = $1 AND r.agent_id = $2 AND r.id = $3`;

/** Rows of `runs` and the two messages each run has. A run leaves `running` once; nothing changes it afterwards. */
@Injectable()
export class RunsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** @returns undefined when the agent does not run or the owner has no such session; `busy` when the session answers another message. */
  async open(scope: Scope, run: NewRun): Promise<OpenedSession | 'busy' | undefined> {
    const { agentId, owner, sessionId, runId, instanceId, onDisconnect, message, isPeer } = run;
    const values = [scope.orgId, agentId, owner, sessionId, runId, instanceId, onDisconnect, message, isPeer];
    try {
      const [row] = await this.database.named<GatewayTarget & OpenedRow>('runs.open', OPEN, values);
      if (!row) return undefined;
      const { session_id: sessionId, turn, ...target } = row;
      return { sessionId, turn, target };
    } catch (error) {
      if (isUniqueViolation(error, 'runs_one_per_session')) return 'busy';
      throw error;
    }
  }

  /**
   * Adds to a reply that has `at` bytes of UTF-8; doing it twice adds once.
   * @returns false when the run is not running any more; nothing was written then.
   */
  async append(scope: Scope, runId: string, text: string, at: number): Promise<boolean> {
    return (await this.database.named('runs.append', APPEND, [scope.orgId, runId, text, at])).length > 0;
  }

  /** Ends the run with what is left of its reply. @returns false when it had ended before; nothing was written then. */
  async close(scope: Scope, runId: string, end: RunEnd): Promise<boolean> {
    const { status, rest, at, errorCode, errorMessage, promptTokens, completionTokens } = end;
    const values = [scope.orgId, runId, status, rest, at, errorCode, errorMessage, promptTokens, completionTokens];
    return (await this.database.named('runs.close', CLOSE, values.map(orNull))).length > 0;
  }

  /** The newest messages before a run's own, oldest first: at most `most`, of at most `maxChars` together. */
  earlier(scope: Scope, sessionId: string, runId: string, most: number, maxChars: number): Promise<EarlierMessage[]> {
    return this.database.query<EarlierMessage>(EARLIER, [scope.orgId, sessionId, runId, most, maxChars]);
  }

  async find(scope: Scope, agentId: string, runId: string): Promise<ChatRunState | undefined> {
    return (await this.database.named<ChatRunState>('runs.find', FIND, [scope.orgId, agentId, runId]))[0];
  }

  /** Null content means that the reply has no more than `knownBytes` of UTF-8. */
  async progress(scope: Scope, agentId: string, runId: string, knownBytes: number): Promise<RunProgress | undefined> {
    const values = [scope.orgId, agentId, runId, knownBytes];
    return (await this.database.named<RunProgress>('runs.progress', PROGRESS, values))[0];
  }

  /**
   * Closes as interrupted what instances without a beat left running: everywhere, or in the sessions of one owner.
   * @returns the ids of the closed runs.
   */
  async closeOfDeadInstances(of?: { orgId: string; agentId: string; owner: string }): Promise<string[]> {
    const values = [
      INTERRUPTED.code,
      INTERRUPTED.message,
      INSTANCE_DEAD_AFTER_SECONDS,
      of?.orgId,
      of?.agentId,
      of?.owner,
    ];
    return (await this.database.query<{ id: string }>(CLOSE_DEAD, values.map(orNull))).map((row) => row.id);
  }

  /** Deletes ended runs that began before then, and sessions of that age without a message; at most `limit` of each. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const runs = await this.database.query(DELETE_RUNS, [before, limit]);
    const sessions = await this.database.query(DELETE_SESSIONS, [before, limit]);
    return Math.max(runs.length, sessions.length);
  }
}

const orNull = (value: unknown): unknown => value ?? null;
