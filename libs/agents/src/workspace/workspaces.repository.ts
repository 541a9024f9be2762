import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { AgentJournal, type Changed } from '../agent-journal.js';
import type { FilesEventData } from '../agents.events.js';
import { FenceLostError } from '../agents.errors.js';
import { HostSession } from '../hosts/host-session.js';
import type { ClaimedAgent } from '../reconciler/claimed-agent.js';
import type { StoredFile, StoredWorkspace, WorkspaceChange } from './stored-workspace.js';

/** What was uploaded and not written into a manifest within this time goes again. */
const UNCLAIMED_FOR = `interval '1 day'`;
/** What a new manifest no longer names stays a little: somebody may just be reading it. */
const FORMER_FOR = `interval '10 minutes'`;

const MINE = `a.host_id = $2 AND a.status <> 'deleted'
  AND EXISTS (SELECT 1 FROM hosts WHERE hosts.id = $2 AND incarnation = $3)`;

const LOAD = `
  SELECT a.id, a.org_id, a.runtime, a.image, w.copy_id, w.store, coalesce(w.version, 0) AS version,
         coalesce(w.attempts, 0) AS attempts, w.error_code, coalesce(w.left_out, '{}') AS left_out
    FROM agents a LEFT JOIN agent_workspaces w ON w.agent_id = a.id WHERE a.id = $1 AND ${MINE}`;

const DUE = `
  SELECT a.id FROM agent_workspaces w JOIN agents a ON a.id = w.agent_id
   WHERE w.next_sync_at <= now() AND a.desired_state <> 'deleted'
     AND (a.status = 'running' OR w.attempts > 0 AND a.status IN ('stopped', 'error'))
     AND a.id <> ALL ($1::uuid[]) AND ${MINE}
   ORDER BY w.next_sync_at LIMIT $4`;

const FENCE = `
  SELECT a.id FROM agents a LEFT JOIN agent_workspaces w ON w.agent_id = a.id
   WHERE a.id = $1 AND ${MINE} AND coalesce(w.version, 0) = $4 AND w.copy_id IS NOT DISTINCT FROM $5
     FOR UPDATE OF a`;

const UPSERT_FILES = `
  INSERT INTO agent_workspace_files (agent_id, org_id, path, object_key, sha256, size_bytes, executable)
  SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::boolean[])
  ON CONFLICT (agent_id, path) DO UPDATE SET object_key = excluded.object_key, sha256 = excluded.sha256,
    size_bytes = excluded.size_bytes, executable = excluded.executable`;

const WRITTEN = `
  INSERT INTO agent_workspaces (agent_id, org_id, store, version, files, bytes, synced_at, next_sync_at, left_out)
  VALUES ($1, $2, $3, 1, $4, $5, now(), now() + make_interval(secs => $6), $7)
  ON CONFLICT (agent_id) DO UPDATE SET store = excluded.store, version = agent_workspaces.version + 1,
    files = excluded.files, bytes = excluded.bytes, synced_at = excluded.synced_at, next_sync_at = excluded.next_sync_at,
    left_out = excluded.left_out, attempts = 0, error_code = NULL, last_error = NULL`;

const UNCHANGED = `
  UPDATE agent_workspaces SET synced_at = now(), next_sync_at = now() + make_interval(secs => $3), left_out = $4,
         attempts = 0, error_code = NULL, last_error = NULL
   WHERE agent_id = $1 AND org_id = $2`;

/** By far the most syncs find nothing new and have nothing to tell: one statement, fenced like the others. */
const STILL_UNCHANGED = `
  UPDATE agent_workspaces w SET synced_at = now(), next_sync_at = now() + make_interval(secs => $6)
    FROM agents a WHERE a.id = $1 AND w.agent_id = a.id AND ${MINE} AND w.version = $4 AND w.copy_id IS NOT DISTINCT FROM $5
  RETURNING w.agent_id`;

const FAILED = `
  INSERT INTO agent_workspaces (agent_id, org_id, attempts, next_sync_at, error_code, last_error)
  VALUES ($1, $2, 1, now() + make_interval(secs => $3), $4, $5)
  ON CONFLICT (agent_id) DO UPDATE SET attempts = agent_workspaces.attempts + 1,
    next_sync_at = excluded.next_sync_at, error_code = excluded.error_code, last_error = excluded.last_error`;

const PLACED = `
  INSERT INTO agent_workspaces (agent_id, org_id, copy_id, placed_on, next_sync_at)
  SELECT id, org_id, $3, host_id, now() + random() * make_interval(secs => $4) FROM agents WHERE id = $1 AND epoch = $2
  ON CONFLICT (agent_id) DO UPDATE SET copy_id = excluded.copy_id, placed_on = excluded.placed_on,
    next_sync_at = excluded.next_sync_at
  RETURNING agent_id`;

interface LoadedRow {
  readonly id: string;
  readonly org_id: string;
  readonly runtime: StoredWorkspace['runtime'];
  readonly image: string;
  readonly copy_id: string | null;
  readonly store: string | null;
  readonly version: number;
  readonly attempts: number;
  readonly error_code: string | null;
  readonly left_out: string[];
}

/** A sync that was overtaken by another worker, restore or deletion: nothing of it is written. */
export class SupersededError extends Error {}

/** The manifests of what this host's agents wrote, and what is to be deleted from the storage. */
@Injectable()
export class WorkspacesRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(HostSession) private readonly host: HostSession,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
  ) {}

  /** Undefined when the agent is gone, or not this host's. */
  async load(agentId: string): Promise<StoredWorkspace | undefined> {
    const [row] = await this.database.named<LoadedRow>('workspaces.load', LOAD, [agentId, ...this.me()]);
    return row && toStored(row);
  }

  async files(scope: Scope, agentId: string): Promise<StoredFile[]> {
    const rows = await this.database.named<Omit<StoredFile, 'sizeBytes'> & { size_bytes: string }>(
      'workspaces.files',
      `SELECT path, object_key AS key, sha256, size_bytes, executable FROM agent_workspace_files
        WHERE org_id = $1 AND agent_id = $2 ORDER BY path`,
      [scope.orgId, agentId],
    );
    return rows.map(({ size_bytes, ...file }) => ({ ...file, sizeBytes: Number(size_bytes) }));
  }

  /** Ids of up to `limit` agents whose files are to be looked at, but for those `busy` here. */
  async due(busy: readonly string[], limit: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(DUE, [busy, ...this.me(), limit]);
    return rows.map((row) => row.id);
  }

  /** Says ahead of an upload that the object goes again unless a manifest names it. */
  async announce(scope: Scope, store: string, key: string): Promise<void> {
    await this.database.named(
      'workspaces.announce',
      `INSERT INTO storage_deletions (store, key, org_id, due_at) VALUES ($1, $2, $3, now() + ${UNCLAIMED_FOR})`,
      [store, key, scope.orgId],
    );
  }

  /** Writes the new manifest as a whole, or nothing. @throws SupersededError */
  write(before: StoredWorkspace, store: string, change: WorkspaceChange, everySeconds: number): Promise<void> {
    const { agentId, orgId } = before;
    return this.database.transaction(async (tx) => {
      await this.fence(tx, before);
      await claimUploads(tx, store, change.uploaded);
      await dropFormer(tx, before, store, change);
      await tx.query(UPSERT_FILES, [agentId, orgId, ...columnsOf(change.uploaded)]);
      await tx.query(WRITTEN, [agentId, orgId, store, change.files, change.bytes, everySeconds, change.leftOut]);
      await this.tell(tx, before, change);
    });
  }

  /** Writes that the manifest still holds. @throws SupersededError */
  async unchanged(before: StoredWorkspace, change: WorkspaceChange, everySeconds: number): Promise<void> {
    if (before.attempts === 0 && isSame(before.leftOut, change.leftOut)) {
      const known = [before.agentId, ...this.me(), before.version, before.copyId];
      const rows = await this.database.named('workspaces.unchanged', STILL_UNCHANGED, [...known, everySeconds]);
      if (rows.length === 0) throw superseded();
      return;
    }
    await this.database.transaction(async (tx) => {
      await this.fence(tx, before);
      await tx.query(UNCHANGED, [before.agentId, before.orgId, everySeconds, change.leftOut]);
      await this.tell(tx, before, change);
    });
  }

  /** Writes why nothing was stored and when it is tried again; what was stored before stays. @throws SupersededError */
  failed(before: StoredWorkspace, failure: { code: string; message: string }, retrySeconds: number): Promise<void> {
    return this.database.transaction(async (tx) => {
      await this.fence(tx, before);
      const { code, message } = failure;
      await tx.query(FAILED, [before.agentId, before.orgId, retrySeconds, code, message]);
      if (before.errorCode !== code) await this.event(tx, before, { outcome: 'failed', code, error: message });
    });
  }

  /** Writes which copy is the present one from now on. @throws FenceLostError */
  placed(agent: ClaimedAgent, copyId: string, restoredFiles: number, everySeconds: number): Promise<void> {
    return this.database.transaction(async (tx) => {
      const rows = await tx.query(PLACED, [agent.id, agent.epoch, copyId, everySeconds]);
      if (rows.length === 0) throw new FenceLostError(agent.id, agent.epoch);
      const told = { agentId: agent.id, orgId: agent.orgId };
      if (restoredFiles > 0) await this.event(tx, told, { outcome: 'restored', files: restoredFiles });
    });
  }

  /** Holds the agent's row, if what was loaded is still so. */
  private async fence(tx: Tx, { agentId, version, copyId }: StoredWorkspace): Promise<void> {
    const rows = await tx.query(FENCE, [agentId, ...this.me(), version, copyId]);
    if (rows.length === 0) throw superseded();
  }

  /** An event where what its owner should know has changed, not at every sync. */
  private async tell(tx: Tx, before: StoredWorkspace, { leftOut, files, bytes }: WorkspaceChange): Promise<void> {
    if (!isSame(leftOut, before.leftOut) && leftOut.length > 0) {
      await this.event(tx, before, { outcome: 'incomplete', leftOut });
    } else if (before.errorCode !== null) {
      await this.event(tx, before, { outcome: 'recovered', files, bytes });
    }
  }

  private async event(tx: Tx, agent: { agentId: string; orgId: string }, data: FilesEventData): Promise<void> {
    const [row] = await tx.query<Changed>(
      'UPDATE agents SET event_seq = event_seq + 1 WHERE id = $1 AND org_id = $2 RETURNING id, org_id, event_seq',
      [agent.agentId, agent.orgId],
    );
    if (row) await this.journal.files(tx, row, data);
  }

  private me(): [string, number] {
    return [this.host.id, this.host.incarnation];
  }
}

const superseded = (): SupersededError =>
  new SupersededError('The files of the agent are no longer this sync`s to write');

const isSame = (one: readonly string[], other: readonly string[]): boolean => one.join('\n') === other.join('\n');

/** What was uploaded belongs to the manifest now. @throws SupersededError when some of it is on its way out already. */
async function claimUploads(tx: Tx, store: string, uploaded: readonly StoredFile[]): Promise<void> {
  if (uploaded.length === 0) return;
  const rows = await tx.query(
    'DELETE FROM storage_deletions WHERE store = $1 AND key = ANY ($2::text[]) AND NOT deleting RETURNING key',
    [store, uploaded.map(({ key }) => key)],
  );
  if (rows.length !== uploaded.length) throw new SupersededError('Uploads of this sync are too old to be used');
}

/** Objects the manifest had and has no longer are to be deleted, where they lie. */
async function dropFormer(tx: Tx, before: StoredWorkspace, store: string, change: WorkspaceChange): Promise<void> {
  const moved = before.store !== null && before.store !== store;
  const paths = [...change.gone, ...change.uploaded.map(({ path }) => path)];
  await tx.query(
    `WITH former AS (
       DELETE FROM agent_workspace_files WHERE agent_id = $1 AND org_id = $2 AND ($3 OR path = ANY ($4::text[]))
       RETURNING object_key)
     INSERT INTO storage_deletions (store, key, org_id, due_at)
     SELECT $5, object_key, $2, now() + ${FORMER_FOR} FROM former ON CONFLICT DO NOTHING`,
    [before.agentId, before.orgId, moved, paths, before.store ?? store],
  );
}

const columnsOf = (files: readonly StoredFile[]): unknown[][] => [
  files.map(({ path }) => path),
  files.map(({ key }) => key),
  files.map(({ sha256 }) => sha256),
  files.map(({ sizeBytes }) => sizeBytes),
  files.map(({ executable }) => executable),
];

const toStored = (row: LoadedRow): StoredWorkspace => ({
  agentId: row.id,
  orgId: row.org_id,
  runtime: row.runtime,
  image: row.image,
  copyId: row.copy_id,
  store: row.store,
  version: row.version,
  attempts: row.attempts,
  errorCode: row.error_code,
  leftOut: row.left_out,
});
