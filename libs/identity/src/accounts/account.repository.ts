import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Role, Scope } from '#libs/kernel';

/** A user as the accounts need it. */
export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly fullName: string;
  readonly passwordHash: string | null;
  readonly isActive: boolean;
  readonly createdAt: Date;
}

export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly fullName: string;
  readonly passwordHash: string;
  readonly isPlatformAdmin: boolean;
}

const USER = `u.id, u.email, u.full_name AS "fullName", u.password_hash AS "passwordHash", u.is_active AS "isActive",
  u.created_at AS "createdAt"`;

/** Table `users`. E-mail addresses are compared without regard to case. */
@Injectable()
export class AccountRepository {
  /** For signing in: the address comes before any organisation is known. `orgId` is the oldest membership's. */
  async findByEmail(sql: Sql, email: string): Promise<(UserRow & { orgId: string | null }) | undefined> {
    const [row] = await sql.query<UserRow & { orgId: string | null }>(
      `SELECT ${USER}, (SELECT m.org_id FROM memberships m WHERE m.user_id = u.id
                        ORDER BY m.created_at, m.org_id LIMIT 1) AS "orgId"
       FROM users u WHERE lower(u.email) = lower($1)`,
      [email],
    );
    return row;
  }

  async find(sql: Sql, scope: Scope, userId: string): Promise<UserRow | undefined> {
    const [row] = await sql.query<UserRow>(
      `SELECT ${USER} FROM users u JOIN memberships m ON m.user_id = u.id WHERE m.org_id = $1 AND u.id = $2`,
      [scope.orgId, userId],
    );
    return row;
  }

  async insert(tx: Tx, user: NewUser): Promise<void> {
    await tx.query(
      `INSERT INTO users (id, email, full_name, password_hash, is_platform_admin) VALUES ($1, $2, $3, $4, $5)`,
      [user.id, user.email, user.fullName, user.passwordHash, user.isPlatformAdmin],
    );
  }

  async addMember(tx: Tx, scope: Scope, userId: string, role: Role): Promise<void> {
    await tx.query('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [scope.orgId, userId, role]);
  }

  /** @returns false when the hash is no longer the one that was checked. */
  async changePassword(tx: Tx, scope: Scope, userId: string, from: string, to: string): Promise<boolean> {
    const rows = await tx.query(
      `UPDATE users SET password_hash = $4, updated_at = now()
       WHERE id = $2 AND password_hash = $3 AND EXISTS (SELECT 1 FROM memberships WHERE org_id = $1 AND user_id = $2)
       RETURNING 1`,
      [scope.orgId, userId, from, to],
    );
    return rows.length > 0;
  }

  /** The oldest platform admin. */
  async findPlatformAdmin(sql: Sql): Promise<{ email: string; orgId: string } | undefined> {
    const [row] = await sql.query<{ email: string; orgId: string }>(
      `SELECT u.email, m.org_id AS "orgId" FROM users u JOIN memberships m ON m.user_id = u.id
       WHERE u.is_platform_admin AND u.is_active ORDER BY u.created_at, m.created_at LIMIT 1`,
    );
    return row;
  }
}
