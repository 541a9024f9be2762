import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Role, Scope } from '#libs/kernel';
import type { Delivery, Member, MemberStatus } from './member.js';

interface MemberRow extends Omit<Member, 'delivery'> {
  readonly mailStatus: Delivery['status'] | null;
  readonly mailAttempts: number;
  readonly mailError: string | null;
}

const MEMBERS = `
  SELECT m.id, m.user_id AS "userId", u.email, u.full_name AS name, m.role, m.status, m.invited_by AS "invitedBy",
         m.invited_at AS "invitedAt", m.created_at AS "joinedAt", NULL::timestamptz AS "inviteExpiresAt",
         NULL AS "mailStatus", 0 AS "mailAttempts", NULL AS "mailError", 0 AS pending
    FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1
  UNION ALL
  SELECT i.id, NULL, i.email, i.name, i.role, 'PENDING', i.invited_by, i.created_at, NULL, i.expires_at,
         ml.status, coalesce(ml.attempts, 0), ml.last_error, 1
    FROM invites i LEFT JOIN LATERAL (
         SELECT status, attempts, last_error FROM mails WHERE invite_id = i.id ORDER BY created_at DESC, id LIMIT 1) ml ON true
   WHERE i.org_id = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL`;

/** Members of an organisation: rows of `memberships`, and of `invites` for those who are still to come. */
@Injectable()
export class MemberRepository {
  /** Changes of one team take turns, so that what one decides on still holds when it writes. */
  async lock(tx: Tx, scope: Scope): Promise<void> {
    await tx.query('SELECT 1 FROM organisations WHERE id = $1 FOR NO KEY UPDATE', [scope.orgId]);
  }

  /** Who joined first comes first, whoever is invited last. */
  async list(sql: Sql, scope: Scope, limit: number): Promise<Member[]> {
    const rows = await sql.query<MemberRow>(
      `SELECT * FROM (${MEMBERS}) team ORDER BY pending, coalesce("joinedAt", "invitedAt"), id LIMIT $2`,
      [scope.orgId, limit],
    );
    return rows.map(memberOf);
  }

  async find(sql: Sql, scope: Scope, id: string): Promise<Member | undefined> {
    const [row] = await sql.query<MemberRow>(`SELECT * FROM (${MEMBERS}) team WHERE id = $2`, [scope.orgId, id]);
    return row && memberOf(row);
  }

  /** The role a user has at this moment, whatever their credential was read as. */
  async roleOf(tx: Tx, scope: Scope, userId: string | undefined): Promise<Role | undefined> {
    const [row] = await tx.query<{ role: Role }>(
      `SELECT role FROM memberships WHERE org_id = $1 AND user_id = $2 AND status = 'ACTIVE'`,
      [scope.orgId, userId ?? null],
    );
    return row?.role;
  }

  /** True when an owner who can sign in stays without this member. */
  async hasOtherOwner(tx: Tx, scope: Scope, id: string): Promise<boolean> {
    const rows = await tx.query(
      `SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id AND u.is_active
        WHERE m.org_id = $1 AND m.id <> $2 AND m.role = 'OWNER' AND m.status = 'ACTIVE' LIMIT 1`,
      [scope.orgId, id],
    );
    return rows.length > 0;
  }

  async count(tx: Tx, scope: Scope): Promise<number> {
    const [row] = await tx.query<{ count: number }>(`SELECT count(*)::int AS count FROM (${MEMBERS}) team`, [
      scope.orgId,
    ]);
    return row?.count ?? 0;
  }

  async hasUser(tx: Tx, scope: Scope, email: string): Promise<boolean> {
    const rows = await tx.query(
      `SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND lower(u.email) = lower($2)`,
      [scope.orgId, email],
    );
    return rows.length > 0;
  }

  async setRole(tx: Tx, scope: Scope, id: string, role: Role): Promise<void> {
    const values = [scope.orgId, id, role];
    // The invite first: one that is just being accepted is waited for, and is a membership then.
    await tx.query('UPDATE invites SET role = $3 WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL', values);
    await tx.query('UPDATE memberships SET role = $3 WHERE org_id = $1 AND id = $2', values);
  }

  async setStatus(tx: Tx, scope: Scope, id: string, status: Exclude<MemberStatus, 'PENDING'>): Promise<void> {
    await tx.query('UPDATE memberships SET status = $3 WHERE org_id = $1 AND id = $2', [scope.orgId, id, status]);
  }

  /** The membership goes, and by foreign key what hangs on it (places in swarms); a pending invite is void. */
  async remove(tx: Tx, scope: Scope, id: string): Promise<void> {
    const values = [scope.orgId, id];
    await tx.query(
      'UPDATE invites SET revoked_at = now() WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL',
      values,
    );
    await tx.query('DELETE FROM memberships WHERE org_id = $1 AND id = $2', values);
  }
}

const memberOf = ({ mailStatus, mailAttempts, mailError, ...row }: MemberRow): Member => ({
  id: row.id,
  userId: row.userId,
  email: row.email,
  name: row.name,
  role: row.role,
  status: row.status,
  invitedBy: row.invitedBy,
  invitedAt: row.invitedAt,
  joinedAt: row.joinedAt,
  inviteExpiresAt: row.inviteExpiresAt,
  delivery: mailStatus === null ? null : { status: mailStatus, attempts: mailAttempts, error: mailError },
});
