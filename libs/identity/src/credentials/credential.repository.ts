import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Role } from '#libs/kernel';

/** A live API key with what its maker may do at present. */
export interface KeyOwner {
  readonly keyId: string;
  readonly orgId: string;
  readonly userId: string;
  readonly role: Role;
  readonly scopes: readonly string[];
  /** The maker's membership is suspended: the key rests. */
  readonly isSuspended: boolean;
}

/** The user behind a live login session. */
export interface SessionOwner {
  readonly role: Role;
  readonly isActive: boolean;
  readonly isPlatformAdmin: boolean;
}

/** The lookups behind every request. They take a credential, not a scope: it is the credential that gives the scope. */
@Injectable()
export class CredentialRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** @returns undefined for a key that is unknown, revoked, or whose maker is inactive or left the organisation. */
  async findKey(hash: Buffer): Promise<KeyOwner | undefined> {
    const [row] = await this.database.named<KeyOwner>(
      'identity_find_key',
      `SELECT k.id AS "keyId", k.org_id AS "orgId", k.created_by AS "userId", m.role, k.scopes, m.status <> 'ACTIVE' AS "isSuspended"
       FROM api_keys k
       JOIN users u ON u.id = k.created_by AND u.is_active
       JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.created_by
       WHERE k.key_hash = $1 AND k.revoked_at IS NULL`,
      [hash],
    );
    return row;
  }

  /** Notes that a key is in use, at most once a minute a key. */
  async touchKey(keyId: string): Promise<void> {
    await this.database.named(
      'identity_touch_key',
      `UPDATE api_keys SET last_used_at = now()
       WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
      [keyId],
    );
  }

  /** @returns undefined for a session that ended, or whose user is gone, suspended or left the organisation. */
  async findSession(claims: { sessionId: string; userId: string; orgId: string }): Promise<SessionOwner | undefined> {
    const [row] = await this.database.named<SessionOwner>(
      'identity_find_session',
      `SELECT m.role, u.is_active AS "isActive", u.is_platform_admin AS "isPlatformAdmin"
       FROM login_sessions s
       JOIN users u ON u.id = s.user_id
       JOIN memberships m ON m.org_id = s.org_id AND m.user_id = s.user_id AND m.status = 'ACTIVE'
       WHERE s.id = $1 AND s.user_id = $2 AND s.org_id = $3 AND s.revoked_at IS NULL AND s.expires_at > now()`,
      [claims.sessionId, claims.userId, claims.orgId],
    );
    return row;
  }
}
