import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { OrganisationDepartures } from '#libs/identity';
import type { Scope } from '#libs/kernel';

const AT_ONCE = 1_000;

/** Vectors go with their chunks. */
const DROP = `
  DELETE FROM knowledge_chunks WHERE (base_id, seq) IN (
    SELECT c.base_id, c.seq FROM knowledge_bases b JOIN knowledge_chunks c ON c.base_id = b.id
     WHERE b.org_id = $1 LIMIT ${AT_ONCE}) RETURNING 1`;

/** Forgets what an organisation that is being deleted knew; the empty bases go with its row. */
@Injectable()
export class KnowledgeDepartures {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OrganisationDepartures) departures: OrganisationDepartures,
  ) {
    departures.register((scope) => this.leave(scope));
  }

  private async leave(scope: Scope): Promise<boolean> {
    return (await this.database.query(DROP, [scope.orgId])).length < AT_ONCE;
  }
}
