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
  /** Null: nobody signs in with a password until one is set. */
  readonly passwordHash: string | null;
  /** Whoever makes the account has shown that they read the mail of its address. */
  readonly isProved: boolean;
  readonly isPlatformAdmin: boolean;
}

/** Where a new member came from. */
export interface Origin {
  readonly id: string;
  readonly invitedBy: string | null;
  readonly invitedAt: Date;
}

const USER = `u.id, u.email, u.full_name AS "fullName", u.password_hash AS "passwordHash", u.is_active AS "isActive",
  u.created_at AS "createdAt"`;

/** With the oldest membership's organisation that is not suspended, or that of `$2`. */
const WITH_PLACE = `${USER}, (SELECT m.org_id FROM memberships m
                         WHERE m.user_id = u.id AND m.status = 'ACTIVE' AND ($2::uuid IS NULL OR m.org_id = $2)
                         ORDER BY m.created_at, m.org_id LIMIT 1) AS "orgId"`;

/** Table `users`. E-mail addresses are compared without regard to case. */
@Injectable()
export class AccountRepository {
  /**
   * For signing in: the address comes before any organisation is known. `orgId` is the oldest membership's that is not
   * suspended, or that of `wanted`.
   */
  async findByEmail(
    sql: Sql,
    email: string,
    wanted?: string,
  ): Promise<(UserRow & { orgId: string | null }) | undefined> {
    const [row] = await sql.query<UserRow & { orgId: string | null }>(
      `SELECT ${WITH_PLACE} FROM users u WHERE lower(u.email) = lower($1)`,
      [email, wanted ?? null],
    );
    return row;
  }

  /** The same of a user who is known already. */
  async findForSignIn(
    sql: Sql,
    userId: string,
    wanted?: string,
  ): Promise<(UserRow & { orgId: string | null }) | undefined> {
    const [row] = await sql.query<UserRow & { orgId: string | null }>(
      `SELECT ${WITH_PLACE} FROM users u WHERE u.id = $1`,
      [userId, wanted ?? null],
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
      `INSERT INTO users (id, email, full_name, password_hash, is_platform_admin, email_verified_at)
       VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN now() END)`,
      [user.id, user.email, user.fullName, user.passwordHash, user.isPlatformAdmin, user.isProved],
    );
  }

  /** A member who was invited keeps the id of the invite. @returns when they joined. */
  async addMember(tx: Tx, scope: Scope, userId: string, role: Role, origin?: Origin): Promise<Date> {
    const [row] = await tx.query<{ created_at: Date }>(
      `INSERT INTO memberships (id, org_id, user_id, role, invited_by, invited_at)
       VALUES (coalesce($4, gen_random_uuid()), $1, $2, $3, $5, $6) RETURNING created_at`,
      [scope.orgId, userId, role, origin?.id ?? null, origin?.invitedBy ?? null, origin?.invitedAt ?? null],
    );
    if (!row) throw new Error('the membership was not stored');
    return row.created_at;
  }

  /** The holder has shown that they read the mail of the account's address. @param makesAdmin of the platform */
  async prove(tx: Tx, userId: string, makesAdmin: boolean): Promise<void> {
    await tx.query(
      `UPDATE users SET email_verified_at = coalesce(email_verified_at, now()),
              is_platform_admin = is_platform_admin OR $2, updated_at = now() WHERE id = $1`,
      [userId, makesAdmin],
    );
  }

  async setPassword(tx: Tx, userId: string, passwordHash: string): Promise<void> {
    await tx.query('UPDATE users SET password_hash = $2, updated_at = now() WHERE id = $1', [userId, passwordHash]);
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
