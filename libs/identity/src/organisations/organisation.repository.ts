import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Sql, Tx } from '#libs/database';
import { type Scope, isUuid } from '#libs/kernel';

export interface OrganisationRow {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
}

/** Table `organisations`. */
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
