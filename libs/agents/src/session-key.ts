import type { Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

const MOST_SLUG_CHARACTERS = 50;

/** What a name looks like in a key: lower-case letters, digits and single hyphens; `agent` when nothing of it is left. */
export function agentSlug(name: string): string {
  const plain = name.normalize('NFKD').toLowerCase();
  const slug = plain.replace(/\p{Mark}/gu, '').replace(/[^a-z0-9]+/g, '-');
  return slug.slice(0, MOST_SLUG_CHARACTERS).replace(/^-+|-+$/g, '') || 'agent';
}

/** `agent:<slug>:main`; from the second of a slug on `agent:<slug>-<n>:main`. */
export const sessionKeyOf = (slug: string, n: number): string => `agent:${n === 1 ? slug : `${slug}-${n}`}:main`;

/**
 * The first key of the name that no agent of the organisation has. The caller holds the lock on the organisation's row, so
 * that no two take the same.
 */
export async function freeSessionKey(tx: Tx, scope: Scope, name: string): Promise<string> {
  const slug = agentSlug(name);
  const rows = await tx.query<{ key: string }>(
    `SELECT session_key AS key FROM agents
      WHERE org_id = $1 AND desired_state <> 'deleted' AND (session_key = $2 OR session_key LIKE $3)`,
    [scope.orgId, sessionKeyOf(slug, 1), `agent:${slug}-%:main`],
  );
  const taken = new Set(rows.map(({ key }) => key));
  let n = 1;
  while (taken.has(sessionKeyOf(slug, n))) n += 1;
  return sessionKeyOf(slug, n);
}
