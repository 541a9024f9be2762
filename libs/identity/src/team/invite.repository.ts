import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import type { Role, Scope } from '#libs/kernel';
import type { InviteKey } from './team-tokens.js';

/** An invite as its holder may use it. */
export interface Invite extends Scope {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly invitedBy: string | null;
  readonly invitedAt: Date;
  /** The token came by mail, so its holder reads the mail of the address. */
  readonly isProved: boolean;
  readonly isAccepted: boolean;
  /** Neither revoked nor expired. */
  readonly isGood: boolean;
}

export interface NewInvite {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly invitedBy: string;
  readonly tokenHash: Buffer;
  readonly expiresAt: Date;
}

const INVITE = `id, org_id AS "orgId", email, name, role, invited_by AS "invitedBy", created_at AS "invitedAt",
  accepted_at IS NOT NULL AS "isAccepted", revoked_at IS NULL AND expires_at > now() AS "isGood",
  id IS NOT DISTINCT FROM $2::uuid AS "isProved"`;

/** Table `invites`. A token names its organisation, so what takes one takes no scope. */
@Injectable()
export class InviteRepository {
  async find(sql: Sql, key: InviteKey): Promise<Invite | undefined> {
    const [row] = await sql.query<Invite>(`SELECT ${INVITE} FROM invites WHERE token_hash = $1 OR id = $2`, [
      key.hash,
      key.mailedId ?? null,
    ]);
    return row;
  }

  /** Uses it up. @returns undefined when it is unknown, expired, revoked, used, or for another address. */
  async accept(tx: Tx, key: InviteKey, email: string): Promise<Invite | undefined> {
    const [row] = await tx.query<Invite>(
      `UPDATE invites SET accepted_at = now()
        WHERE (token_hash = $1 OR id = $2) AND lower(email) = lower($3) AND accepted_at IS NULL AND revoked_at IS NULL
          AND expires_at > now() RETURNING ${INVITE}`,
      [key.hash, key.mailedId ?? null, email],
    );
    return row;
  }

  async insert(tx: Tx, scope: Scope, invite: NewInvite): Promise<void> {
    await tx.query(
      `INSERT INTO invites (id, org_id, email, name, role, token_hash, invited_by, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        invite.id,
        scope.orgId,
        invite.email,
        invite.name,
        invite.role,
        invite.tokenHash,
        invite.invitedBy,
        invite.expiresAt,
      ],
    );
  }

  /** Another token and end for an invite that is still open, and no other one of it. */
  async renew(tx: Tx, scope: Scope, id: string, to: { tokenHash: Buffer; expiresAt: Date }): Promise<void> {
    await tx.query(
      `UPDATE invites SET token_hash = $3, expires_at = $4
        WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL`,
      [scope.orgId, id, to.tokenHash, to.expiresAt],
    );
  }

  /** Clears an address of an invite that expired. @returns false when one that is still good stands in the way. */
  async makeRoom(tx: Tx, scope: Scope, email: string): Promise<boolean> {
    await tx.query(
      `UPDATE invites SET revoked_at = now() WHERE org_id = $1 AND lower(email) = lower($2)
          AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at <= now()`,
      [scope.orgId, email],
    );
    const pending = await tx.query(
      `SELECT 1 FROM invites WHERE org_id = $1 AND lower(email) = lower($2) AND accepted_at IS NULL AND revoked_at IS NULL`,
      [scope.orgId, email],
    );
    return pending.length === 0;
  }

  async countOfToday(tx: Tx, scope: Scope): Promise<number> {
    const [row] = await tx.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM invites WHERE org_id = $1 AND created_at > now() - interval '1 day'`,
      [scope.orgId],
    );
    return row?.count ?? 0;
  }
}
