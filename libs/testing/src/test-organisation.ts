import type { Sql } from '#libs/database';
import { type Caller, type Scope, newId, scopesOfRole } from '#libs/kernel';

/** An organisation with one member, as rows; `caller` is that member, signed in. */
export interface TestOrganisation {
  readonly orgId: string;
  readonly userId: string;
  readonly scope: Scope;
  readonly caller: Caller;
}

/** Inserts an organisation and a user with a membership (OWNER unless `overrides.role` says otherwise). */
export async function testOrganisation(db: Sql, overrides: Partial<Caller> = {}): Promise<TestOrganisation> {
  const orgId = overrides.orgId ?? newId();
  const userId = overrides.userId ?? newId();
  const role = overrides.role ?? 'OWNER';
  await db.query('INSERT INTO organisations (id, name, slug) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING', [
    orgId,
    'Test organisation',
    `test-${orgId}`,
  ]);
  await db.query('INSERT INTO users (id, email, full_name) VALUES ($1, $2, $3)', [
    userId,
    `${userId}@example.test`,
    'Test User',
  ]);
  await db.query('INSERT INTO memberships (org_id, user_id, role) VALUES ($1, $2, $3)', [orgId, userId, role]);
  const caller: Caller = {
    kind: 'user',
    subject: `user:${userId}`,
    role,
    scopes: scopesOfRole(role),
    isPlatformAdmin: false,
    ...overrides,
    orgId,
    userId,
  };
  return { orgId, userId, scope: { orgId }, caller };
}
