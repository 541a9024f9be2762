import { Inject, Injectable } from '@nestjs/common';
import { agentNotFound } from '#libs/agents';
import { Database, type Sql, type Tx } from '#libs/database';
import { type Scope, isUuid, newId, notFound } from '#libs/kernel';
import type { KnowledgeTarget } from './knowledge.js';
import { wrongKnowledgeField } from './knowledge.errors.js';

/** Whose base it is, after looking at the agent's swarm. */
export interface Owner {
  readonly swarmId: string | null;
  readonly agentId: string | null;
}

export interface Base {
  readonly id: string;
  readonly orgId: string;
  /** The embedder all of its chunks have vectors of. */
  readonly embedder: string;
  /** The highest number given to a chunk. */
  readonly head: number;
  readonly chunkCount: number;
}

const BASE = 'b.id, b.org_id AS "orgId", b.embedder, b.head, b.chunk_count AS "chunkCount"';
const OF_OWNER = 'b.org_id = $1 AND (b.swarm_id = $2 OR b.agent_id = $3)';

/** Rows of `knowledge_bases`: one a swarm, one a lone agent, made by the first text. */
@Injectable()
export class BasesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** @throws DomainError `validation` for both or neither, `not_found` for a swarm or agent that is not there. */
  async ownerOf(scope: Scope, { swarmId, agentId }: KnowledgeTarget, place: 'body' | 'query'): Promise<Owner> {
    if ((swarmId === undefined) === (agentId === undefined)) {
      throw wrongKnowledgeField([place, 'swarmId'], 'Give exactly one of swarmId and agentId', 'missing');
    }
    if (swarmId !== undefined) {
      const rows = isUuid(swarmId)
        ? await this.database.query('SELECT 1 FROM swarms WHERE org_id = $1 AND id = $2', [scope.orgId, swarmId])
        : [];
      if (rows.length === 0) throw notFound('Swarm');
      return { swarmId: swarmId.toLowerCase(), agentId: null };
    }
    return this.ownerOfAgent(scope, agentId ?? '');
  }

  /** Undefined as long as nothing was ever stored. */
  async find(scope: Scope, owner: Owner, on: Sql = this.database): Promise<Base | undefined> {
    const rows = await on.query<Base>(`SELECT ${BASE} FROM knowledge_bases b WHERE ${OF_OWNER}`, [
      ...[scope.orgId, owner.swarmId, owner.agentId],
    ]);
    return rows[0];
  }

  /** The base, made if need be, and locked until `tx` ends. */
  async lock(tx: Tx, scope: Scope, owner: Owner, embedder: string): Promise<Base> {
    await tx.query(
      `INSERT INTO knowledge_bases (id, org_id, swarm_id, agent_id, embedder) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING`,
      [newId(), scope.orgId, owner.swarmId, owner.agentId, embedder],
    );
    const rows = await tx.query<Base>(`SELECT ${BASE} FROM knowledge_bases b WHERE ${OF_OWNER} FOR UPDATE`, [
      ...[scope.orgId, owner.swarmId, owner.agentId],
    ]);
    return rows[0]!;
  }

  /** The same for one that is there. */
  async lockById(tx: Tx, scope: Scope, id: string): Promise<Base | undefined> {
    const rows = await tx.query<Base>(
      `SELECT ${BASE} FROM knowledge_bases b WHERE b.org_id = $1 AND b.id = $2 FOR UPDATE`,
      [scope.orgId, id],
    );
    return rows[0];
  }

  /** An agent's own base and its swarm's, those that are there. */
  ofAgent(agent: Scope & { readonly agentId: string; readonly swarmId: string | null }): Promise<Base[]> {
    return this.database.query<Base>(`SELECT ${BASE} FROM knowledge_bases b WHERE ${OF_OWNER} ORDER BY b.id`, [
      ...[agent.orgId, agent.swarmId, agent.agentId],
    ]);
  }

  async setEmbedder(tx: Tx, base: Base, embedder: string): Promise<void> {
    await tx.query('UPDATE knowledge_bases SET embedder = $3, claimed_until = NULL WHERE org_id = $1 AND id = $2', [
      base.orgId,
      base.id,
      embedder,
    ]);
  }

  /** Takes a base of another embedder than this one for a minute, so that no other worker does. */
  async claimStale(embedder: string): Promise<Base | undefined> {
    const rows = await this.database.query<Base>(
      `UPDATE knowledge_bases b SET claimed_until = now() + interval '1 minute' WHERE b.id = (
         SELECT id FROM knowledge_bases WHERE embedder <> $1 AND (claimed_until IS NULL OR claimed_until < now())
          ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING ${BASE}`,
      [embedder],
    );
    return rows[0];
  }

  /** Bases of deleted agents go; those of swarms go with them. @returns how many of at most `limit`. */
  async dropOrphans(limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM knowledge_bases WHERE id = ANY (ARRAY (
         SELECT b.id FROM knowledge_bases b JOIN agents a ON a.id = b.agent_id
          WHERE a.desired_state = 'deleted' LIMIT $1)) RETURNING 1`,
      [limit],
    );
    return rows.length;
  }

  private async ownerOfAgent(scope: Scope, agentId: string): Promise<Owner> {
    const rows = isUuid(agentId)
      ? await this.database.query<{ swarmId: string | null }>(
          `SELECT swarm_id AS "swarmId" FROM agents WHERE org_id = $1 AND id = $2 AND desired_state <> 'deleted'`,
          [scope.orgId, agentId],
        )
      : [];
    const [agent] = rows;
    if (!agent) throw agentNotFound();
    return agent.swarmId === null
      ? { swarmId: null, agentId: agentId.toLowerCase() }
      : { swarmId: agent.swarmId, agentId: null };
  }
}
