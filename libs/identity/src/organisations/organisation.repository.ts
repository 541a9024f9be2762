import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import { type Role, type Scope, isUuid } from '#libs/kernel';

export interface OrganisationRow {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
}

export interface Invite {
  readonly orgId: string;
  readonly role: Role;
}

/** Tables `organisations` and `invites`. */
@Injectable()
export class OrganisationRepository {
  async find(sql: Sql, scope: Scope): Promise<OrganisationRow | undefined> {
    const [row] = await sql.query<OrganisationRow>('SELECT id, name, slug, plan FROM organisations WHERE id = $1', [
      scope.orgId,
    ]);
    return row;
  }

  /** For registration only, which has no organisation yet. */
  async findByIdOrSlug(sql: Sql, text: string): Promise<OrganisationRow | undefined> {
    const [row] = await sql.query<OrganisationRow>(
      `SELECT id, name, slug, plan FROM organisations WHERE slug = $1 OR id = $2::uuid`,
      [text, isUuid(text) ? text : null],
    );
    return row;
  }

  /** The slug ends in random letters, so that no free text a client sends by habit ever names an organisation. */
  async insert(tx: Tx, id: string, name: string): Promise<void> {
    await tx.query('INSERT INTO organisations (id, name, slug) VALUES ($1, $2, $3)', [id, name, slugOf(name)]);
  }

  /** Uses up an invite. @returns undefined when it is unknown, expired, used, or for another address. */
  async acceptInvite(tx: Tx, token: string, email: string): Promise<Invite | undefined> {
    const [row] = await tx.query<Invite>(
      `UPDATE invites SET accepted_at = now()
       WHERE token_hash = $1 AND lower(email) = lower($2) AND accepted_at IS NULL AND expires_at > now()
       RETURNING org_id AS "orgId", role`,
      [createHash('sha256').update(token).digest(), email],
    );
    return row;
  }
}

function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${words || 'workspace'}-${randomBytes(4).toString('hex')}`;
}
