import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { Swarm, SwarmAgent, UpdateSwarm } from './swarm.js';

const MOST_AGENTS = 1_000;

const SWARM = `
  s.id, s.org_id AS "orgId", s.name, s.slug, s.description, s.icon,
  (SELECT count(*)::int FROM agents a WHERE a.swarm_id = s.id AND a.desired_state <> 'deleted') AS "agentCount",
  (SELECT count(*)::int FROM swarm_members m WHERE m.swarm_id = s.id) AS "memberCount",
  s.created_at AS "createdAt", s.updated_at AS "updatedAt"`;

/** A moment later than any before, even within one millisecond. */
const UPDATE = `
  UPDATE swarms SET name = coalesce($3, name), description = CASE WHEN $4 THEN $5 ELSE description END,
         icon = CASE WHEN $6 THEN $7 ELSE icon END,
         updated_at = greatest(clock_timestamp(), updated_at + interval '1 millisecond')
   WHERE org_id = $1 AND id = $2 RETURNING id`;

/** A swarm before it is stored. */
export type NewSwarm = Pick<Swarm, 'id' | 'name' | 'slug' | 'description' | 'icon'>;

/** Rows of `swarms`; counts the agents that say they belong to one. */
@Injectable()
export class SwarmsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async find(scope: Scope, id: string, on: Sql = this.database): Promise<Swarm | undefined> {
    const [swarm] = await on.query<Swarm>(`SELECT ${SWARM} FROM swarms s WHERE s.org_id = $1 AND s.id = $2`, [
      scope.orgId,
      id,
    ]);
    return swarm;
  }

  /** Newest first. */
  list(scope: Scope): Promise<Swarm[]> {
    return this.database.query<Swarm>(
      `SELECT ${SWARM} FROM swarms s WHERE s.org_id = $1 ORDER BY s.created_at DESC, s.id`,
      [scope.orgId],
    );
  }

  /** Newest first, at most 1000. */
  agents(scope: Scope, id: string): Promise<SwarmAgent[]> {
    return this.database.query<SwarmAgent>(
      `SELECT id, name, status, created_at AS "createdAt" FROM agents
        WHERE org_id = $1 AND swarm_id = $2 AND desired_state <> 'deleted' ORDER BY created_at DESC, id LIMIT $3`,
      [scope.orgId, id, MOST_AGENTS],
    );
  }

  /** Makes creations of one organisation take turns until `tx` ends. @returns every slug there is. */
  async lockSlugs(tx: Tx, scope: Scope): Promise<Set<string>> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`swarms|${scope.orgId}`]);
    const rows = await tx.query<{ slug: string }>('SELECT slug FROM swarms WHERE org_id = $1', [scope.orgId]);
    return new Set(rows.map(({ slug }) => slug));
  }

  async insert(tx: Tx, scope: Scope, { id, name, slug, description, icon }: NewSwarm): Promise<void> {
    await tx.query('INSERT INTO swarms (id, org_id, name, slug, description, icon) VALUES ($1, $2, $3, $4, $5, $6)', [
      id,
      scope.orgId,
      name,
      slug,
      description,
      icon,
    ]);
  }

  /** False when there is no such swarm. */
  async update(tx: Tx, scope: Scope, id: string, { name, description, icon }: UpdateSwarm): Promise<boolean> {
    const texts = [description !== undefined, description ?? null, icon !== undefined, icon ?? null];
    return (await tx.query(UPDATE, [scope.orgId, id, name ?? null, ...texts])).length > 0;
  }

  /** Keeps the swarm from being deleted until `tx` ends. False when there is no such swarm. */
  async hold(tx: Tx, scope: Scope, id: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM swarms WHERE org_id = $1 AND id = $2 FOR KEY SHARE';
    return (await tx.query(sql, [scope.orgId, id])).length > 0;
  }

  /** Waits for whoever holds it, and keeps others from doing so. False when there is no such swarm. */
  async lock(tx: Tx, scope: Scope, id: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM swarms WHERE org_id = $1 AND id = $2 FOR UPDATE';
    return (await tx.query(sql, [scope.orgId, id])).length > 0;
  }

  async remove(tx: Tx, scope: Scope, id: string): Promise<void> {
    await tx.query('DELETE FROM swarms WHERE org_id = $1 AND id = $2', [scope.orgId, id]);
  }
}
