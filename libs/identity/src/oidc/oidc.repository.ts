import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

const CODE_SECONDS = 60;

/** Who a code signs in. */
export interface CodeHolder extends Scope {
  readonly userId: string;
}

/** Tables `oidc_identities` and `sign_in_codes`. */
@Injectable()
export class OidcRepository {
  /** The account a person of the provider signed in to before. */
  async findUser(tx: Tx, issuer: string, subject: string): Promise<string | undefined> {
    const [row] = await tx.query<{ user_id: string }>(
      'UPDATE oidc_identities SET last_used_at = now() WHERE issuer = $1 AND subject = $2 RETURNING user_id',
      [issuer, subject],
    );
    return row?.user_id;
  }

  async link(tx: Tx, issuer: string, subject: string, userId: string): Promise<void> {
    await tx.query('INSERT INTO oidc_identities (issuer, subject, user_id) VALUES ($1, $2, $3)', [
      issuer,
      subject,
      userId,
    ]);
  }

  /**
   * Takes every way in that was made for an account whose address nobody had proved: whoever registered it may not be
   * whom the address belongs to.
   * @returns false when the address was proved before, and nothing was taken.
   */
  async disownUnproved(tx: Tx, userId: string): Promise<boolean> {
    const rows = await tx.query(
      `WITH unproved AS (
         UPDATE users SET password_hash = NULL, updated_at = now() WHERE id = $1 AND email_verified_at IS NULL RETURNING id
       ), keys AS (
         UPDATE api_keys SET revoked_at = now() FROM unproved WHERE created_by = unproved.id AND revoked_at IS NULL
       ), links AS (
         DELETE FROM password_links l USING unproved WHERE l.user_id = unproved.id
       )
       SELECT 1 FROM unproved`,
      [userId],
    );
    return rows.length > 0;
  }

  async addCode(tx: Tx, holder: CodeHolder, codeHash: Buffer): Promise<void> {
    await tx.query(
      `INSERT INTO sign_in_codes (code_hash, org_id, user_id, expires_at)
       VALUES ($1, $2, $3, now() + make_interval(secs => ${CODE_SECONDS}))`,
      [codeHash, holder.orgId, holder.userId],
    );
  }

  /** Uses a code up. */
  async takeCode(tx: Tx, codeHash: Buffer): Promise<CodeHolder | undefined> {
    const [row] = await tx.query<CodeHolder>(
      `DELETE FROM sign_in_codes WHERE code_hash = $1 AND expires_at > now()
       RETURNING org_id AS "orgId", user_id AS "userId"`,
      [codeHash],
    );
    return row;
  }

  /** Deletes up to `batch` codes that nobody used in time. */
  async sweep(sql: Sql, batch: number): Promise<void> {
    await sql.query(
      `DELETE FROM sign_in_codes WHERE code_hash IN (SELECT code_hash FROM sign_in_codes
         WHERE expires_at < now() LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [batch],
    );
  }
}
