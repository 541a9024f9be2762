import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { OrganisationDepartures } from '#libs/identity';
import type { Scope } from '#libs/kernel';

const AT_ONCE = 5_000;

const DROP = ['usage_reservations', 'usage_daily'].map(
  (table) =>
    `DELETE FROM ${table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM ${table} WHERE org_id = $1 LIMIT ${AT_ONCE}))
     RETURNING 1`,
);

/** Forgets the calls and days of an organisation that is being deleted; its budgets go with its row. */
@Injectable()
export class UsageDepartures {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OrganisationDepartures) departures: OrganisationDepartures,
  ) {
    departures.register((scope) => this.leave(scope));
  }

  private async leave(scope: Scope): Promise<boolean> {
    let isEmpty = true;
    for (const sql of DROP) isEmpty = (await this.database.query(sql, [scope.orgId])).length === 0 && isEmpty;
    return isEmpty;
  }
}
