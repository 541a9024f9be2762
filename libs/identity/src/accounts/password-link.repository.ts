import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

/** Whose password a link sets. */
export interface LinkHolder extends Scope {
  readonly userId: string;
  readonly email: string;
}

const GOOD = 'l.used_at IS NULL AND l.expires_at > now() AND u.is_active';
const HOLDER = 'l.org_id AS "orgId", l.user_id AS "userId", u.email';

/** Table `password_links`. A link names its user, so what takes one takes no scope. */
@Injectable()
export class PasswordLinkRepository {
  /** @returns when it ends. */
  async insert(tx: Tx, scope: Scope, link: { id: string; userId: string; hours: number }): Promise<Date> {
    const [row] = await tx.query<{ expires_at: Date }>(
      `INSERT INTO password_links (id, org_id, user_id, expires_at)
       VALUES ($1, $2, $3, now() + make_interval(hours => $4)) RETURNING expires_at`,
      [link.id, scope.orgId, link.userId, link.hours],
    );
    if (!row) throw new Error('the password link was not stored');
    return row.expires_at;
  }

  async find(sql: Sql, id: string): Promise<LinkHolder | undefined> {
    const [row] = await sql.query<LinkHolder>(
      `SELECT ${HOLDER} FROM password_links l JOIN users u ON u.id = l.user_id WHERE l.id = $1 AND ${GOOD}`,
      [id],
    );
    return row;
  }

  /** Uses it up, and with it the user's other links. */
  async take(tx: Tx, id: string): Promise<LinkHolder | undefined> {
    const [row] = await tx.query<LinkHolder>(
      `UPDATE password_links l SET used_at = now() FROM users u WHERE u.id = l.user_id AND l.id = $1 AND ${GOOD}
       RETURNING ${HOLDER}`,
      [id],
    );
    if (row) {
      const others = 'UPDATE password_links SET used_at = now() WHERE user_id = $1 AND used_at IS NULL';
      await tx.query(others, [row.userId]);
    }
    return row;
  }

  async countOfLastHour(tx: Tx, userId: string): Promise<number> {
    await tx.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
    const [row] = await tx.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM password_links WHERE user_id = $1 AND created_at > now() - interval '1 hour'`,
      [userId],
    );
    return row?.count ?? 0;
  }
}
