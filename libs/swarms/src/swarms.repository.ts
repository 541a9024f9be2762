import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { Swarm } from './swarm.js';

@Injectable()
export class SwarmsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async find(scope: Scope, id: string): Promise<Swarm | undefined> {
    const rows = await this.database.query<Swarm>(
      `SELECT id, org_id AS "orgId", name, slug, description, icon, created_at AS "createdAt", updated_at AS "updatedAt"
         FROM swarms WHERE org_id = $1 AND id = $2`,
      [scope.orgId, id],
    );
    return rows[0];
  }
}
