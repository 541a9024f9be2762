import { randomBytes } from 'node:crypto';
import type { Database } from '#libs/database';
import { SCOPES, newId } from '#libs/kernel';
import { ApiKeyRepository } from '../api-keys/api-key.repository.js';
import { mintApiKey } from '../api-keys/api-keys.service.js';
import { OrganisationRepository } from '../organisations/organisation.repository.js';
import { Passwords } from '../passwords.js';
import { AccountRepository } from './account.repository.js';

/** The credentials of a platform admin just made, readable this once. */
export interface FirstAdmin {
  readonly email: string;
  readonly password: string;
  readonly apiKey: string;
  readonly orgId: string;
}

const ADVISORY_LOCK = 7_266_840;

/**
 * Makes a platform admin with an organisation, a random password and an API key with all scopes.
 * @returns undefined when a platform admin exists already, unless `another` is asked for.
 */
export async function createFirstAdmin(
  database: Database,
  wish: { readonly email: string; readonly organisation: string; readonly another?: boolean },
): Promise<FirstAdmin | undefined> {
  const accounts = new AccountRepository();
  const password = randomPassword();
  const passwordHash = await new Passwords().hash(password);
  return database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    if (!wish.another && (await accounts.findPlatformAdmin(tx))) return undefined;
    const [orgId, userId] = [newId(), newId()];
    await new OrganisationRepository().insert(tx, orgId, wish.organisation);
    const { email } = wish;
    await accounts.insert(tx, {
      id: userId,
      email,
      fullName: 'Administrator',
      passwordHash,
      isPlatformAdmin: true,
      isProved: true,
    });
    await accounts.addMember(tx, { orgId }, userId, 'OWNER');
    const { key, secret, hash } = mintApiKey(userId, 'First key', SCOPES);
    await new ApiKeyRepository().insert(tx, { orgId }, key, hash);
    return { email, password, apiKey: secret, orgId };
  });
}

/** 144 random bits, with one character of each kind the rule asks for. */
const randomPassword = (): string => `Rk1-${randomBytes(18).toString('base64url')}`;
