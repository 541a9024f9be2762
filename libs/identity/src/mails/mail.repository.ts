import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import type { Role, Scope } from '#libs/kernel';

/** What a message is about. */
export type MailSubject = { readonly inviteId: string } | { readonly passwordLinkId: string };

/** A message that is due, with what its text is made of. */
export interface Letter {
  readonly id: string;
  /** This attempt's number: who claims the message later has a higher one. */
  readonly attempt: number;
  readonly orgId: string;
  readonly organisation: string;
  readonly email: string;
  readonly name: string;
  readonly expiresAt: Date;
  /** The invite or password link can still be used. */
  readonly isWanted: boolean;
  readonly inviteId: string | null;
  readonly role: Role | null;
  readonly inviter: string | null;
  readonly passwordLinkId: string | null;
}

const LETTER = `
  SELECT ml.id, ml.attempts AS attempt, ml.org_id AS "orgId", o.name AS organisation,
         i.id AS "inviteId", i.role, inviter.full_name AS inviter, l.id AS "passwordLinkId",
         coalesce(i.email, u.email) AS email, coalesce(i.name, u.full_name) AS name,
         coalesce(i.expires_at, l.expires_at) AS "expiresAt",
         coalesce(i.expires_at, l.expires_at) > now() AND i.accepted_at IS NULL AND i.revoked_at IS NULL
           AND l.used_at IS NULL AS "isWanted"
    FROM mine ml JOIN organisations o ON o.id = ml.org_id
    LEFT JOIN invites i ON i.id = ml.invite_id LEFT JOIN users inviter ON inviter.id = i.invited_by
    LEFT JOIN password_links l ON l.id = ml.password_link_id LEFT JOIN users u ON u.id = l.user_id`;

/** Table `mails`: what is to be sent, and what became of it. */
@Injectable()
export class MailRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** How many messages about an invite were made in the last day. */
  async countOfInvite(tx: Tx, scope: Scope, inviteId: string): Promise<number> {
    const [row] = await tx.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM mails
        WHERE org_id = $1 AND invite_id = $2 AND created_at > now() - interval '1 day'`,
      [scope.orgId, inviteId],
    );
    return row?.count ?? 0;
  }

  async insert(tx: Tx, scope: Scope, id: string, subject: MailSubject): Promise<void> {
    const about = subject as { inviteId?: string; passwordLinkId?: string };
    await tx.query('INSERT INTO mails (id, org_id, invite_id, password_link_id) VALUES ($1, $2, $3, $4)', [
      id,
      scope.orgId,
      about.inviteId ?? null,
      about.passwordLinkId ?? null,
    ]);
  }

  /** Takes one due message, the one named or the longest due, for `seconds`; nobody else gets it in that time. */
  async claim(id: string | undefined, seconds: number): Promise<Letter | undefined> {
    const [letter] = await this.database.query<Letter>(
      `WITH mine AS (
         UPDATE mails SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $2)
          WHERE id = (SELECT id FROM mails WHERE status = 'queued' AND next_attempt_at <= now()
                         AND ($1::uuid IS NULL OR id = $1)
                       ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING *) ${LETTER}`,
      [id ?? null, seconds],
    );
    return letter;
  }

  async sent({ id, attempt }: Letter): Promise<void> {
    await this.database.query(
      `UPDATE mails SET status = 'sent', sent_at = now(), last_error = NULL
        WHERE id = $1 AND attempts = $2 AND status = 'queued'`,
      [id, attempt],
    );
  }

  /** @param retryInSeconds undefined: it is given up. */
  async failed({ id, attempt }: Letter, error: string, retryInSeconds: number | undefined): Promise<void> {
    await this.database.query(
      `UPDATE mails SET last_error = $3, status = CASE WHEN $4::int IS NULL THEN 'failed' ELSE status END,
              next_attempt_at = now() + make_interval(secs => coalesce($4::int, 0))
        WHERE id = $1 AND attempts = $2 AND status = 'queued'`,
      [id, attempt, error, retryInSeconds ?? null],
    );
  }
}
