import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Caller, type Scope, isUuid, notFound, requireScope } from '#libs/kernel';
import type { SwarmMember } from './swarm.js';
import { SwarmsService } from './swarms.service.js';

const MOST_MEMBERS = 1_000;

/** The people of a swarm: users of the organisation, by the id of their account. */
@Injectable()
export class SwarmMembersService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SwarmsService) private readonly swarms: SwarmsService,
  ) {}

  /** By the time they were added, at most 1000. @throws DomainError `not_found`. */
  async list(caller: Caller, swarmId: string): Promise<readonly SwarmMember[]> {
    requireScope(caller, 'swarms:read');
    await this.swarms.get(caller, swarmId);
    return this.of(caller, swarmId);
  }

  /** Adding somebody again changes nothing. @throws DomainError `not_found` for the swarm, and for who is not of the organisation. */
  async add(caller: Caller, swarmId: string, userId: string): Promise<readonly SwarmMember[]> {
    return this.change(caller, swarmId, async (tx) => {
      const colleague = 'SELECT 1 FROM memberships WHERE org_id = $1 AND user_id = $2 FOR KEY SHARE';
      if (!isUuid(userId) || (await tx.query(colleague, [caller.orgId, userId])).length === 0) throw notFound('User');
      await tx.query(
        'INSERT INTO swarm_members (org_id, swarm_id, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [caller.orgId, swarmId, userId],
      );
    });
  }

  /** @throws DomainError `not_found` for the swarm, and for who is no member of it. */
  async remove(caller: Caller, swarmId: string, userId: string): Promise<readonly SwarmMember[]> {
    return this.change(caller, swarmId, async (tx) => {
      const sql = 'DELETE FROM swarm_members WHERE org_id = $1 AND swarm_id = $2 AND user_id = $3 RETURNING 1';
      const removed = isUuid(userId) ? await tx.query(sql, [caller.orgId, swarmId, userId]) : [];
      if (removed.length === 0) throw notFound('Member');
    });
  }

  private async change(caller: Caller, swarmId: string, work: (tx: Tx) => Promise<void>): Promise<SwarmMember[]> {
    requireScope(caller, 'swarms:write');
    await this.database.transaction(async (tx) => {
      await this.swarms.hold(tx, caller, swarmId);
      await work(tx);
    });
    return this.of(caller, swarmId);
  }

  private of(scope: Scope, swarmId: string): Promise<SwarmMember[]> {
    return this.database.query<SwarmMember>(
      `SELECT m.user_id AS "userId", u.full_name AS name, m.added_at AS "addedAt"
         FROM swarm_members m JOIN users u ON u.id = m.user_id
        WHERE m.org_id = $1 AND m.swarm_id = $2 ORDER BY m.added_at, m.user_id LIMIT $3`,
      [scope.orgId, swarmId, MOST_MEMBERS],
    );
  }
}
