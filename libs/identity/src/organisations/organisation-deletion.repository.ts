import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

/** Members of this organisation and of no other. */
const ONLY_HERE = `
  SELECT m.user_id FROM memberships m WHERE m.org_id = $1
   AND NOT EXISTS (SELECT FROM memberships o WHERE o.user_id = m.user_id AND o.org_id <> m.org_id)`;

/** An installation without a platform admin could not be run any more. */
const TAKES_LAST_ADMIN = `
  SELECT EXISTS (SELECT FROM users WHERE is_platform_admin AND is_active AND id IN (${ONLY_HERE}))
     AND NOT EXISTS (SELECT FROM users WHERE is_platform_admin AND is_active AND id NOT IN (${ONLY_HERE})) AS last`;

/** The end of rows in `organisations`, with memberships, invites and users. */
@Injectable()
export class OrganisationDeletionRepository {
  /** @returns false when there is no such organisation. Whoever makes something that has to be ended locks the row too. */
  async mark(tx: Tx, scope: Scope): Promise<boolean> {
    const rows = await tx.query(
      'UPDATE organisations SET deleting_since = coalesce(deleting_since, now()) WHERE id = $1 RETURNING 1',
      [scope.orgId],
    );
    return rows.length > 0;
  }

  async takesLastAdmin(tx: Tx, scope: Scope): Promise<boolean> {
    const [row] = await tx.query<{ last: boolean }>(TAKES_LAST_ADMIN, [scope.orgId]);
    return row?.last === true;
  }

  /** Everybody leaves; accounts that belong nowhere else go. @returns the users whose power has changed. */
  async dismissMembers(tx: Tx, scope: Scope): Promise<string[]> {
    await tx.query('DELETE FROM invites WHERE org_id = $1', [scope.orgId]);
    const gone = await tx.query<{ user_id: string }>(ONLY_HERE, [scope.orgId]);
    const left = await tx.query<{ user_id: string }>('DELETE FROM memberships WHERE org_id = $1 RETURNING user_id', [
      scope.orgId,
    ]);
    await tx.query('DELETE FROM users WHERE id = ANY($1)', [gone.map(({ user_id: id }) => id)]);
    return left.map(({ user_id: id }) => id);
  }

  /** For workers, which finish what was begun, whosever it is. */
  async deleting(sql: Sql, limit: number): Promise<Scope[]> {
    return sql.query<Scope>(
      `SELECT id AS "orgId" FROM organisations WHERE deleting_since IS NOT NULL ORDER BY deleting_since LIMIT $1`,
      [limit],
    );
  }

  /** Removes the row with all that refers to it. */
  async remove(tx: Tx, scope: Scope): Promise<void> {
    await tx.query('DELETE FROM organisations WHERE id = $1 AND deleting_since IS NOT NULL', [scope.orgId]);
  }
}
