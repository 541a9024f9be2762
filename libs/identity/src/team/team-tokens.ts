import { type KeyObject, randomBytes } from 'node:crypto';
import { deriveKey, sha256, signJwt, verifyJwt } from '#libs/crypto';
import { type Scope, isUuid } from '#libs/kernel';

const INVITE = 'rookery:invite';
const PASSWORD = 'rookery:password';

/**
 * How a token got to its holder. Whoever made an invite sees the one in the answer too, so only the mailed one proves that
 * its holder reads the mail of the address.
 */
export type Via = 'answer' | 'mail';

/** What the database looks an invite up by. */
export interface InviteKey {
  readonly hash: Buffer;
  /** Set for a token that was mailed, which is stored nowhere: it is signed when it is sent. */
  readonly mailedId: string | undefined;
}

/** Tokens of invites and password links: HS256, of limited life, good only as long as their row says so. */
export class TeamTokens {
  private readonly inviteKey: KeyObject;
  private readonly passwordKey: KeyObject;

  constructor(jwtSecret: string) {
    this.inviteKey = deriveKey(jwtSecret, INVITE);
    this.passwordKey = deriveKey(jwtSecret, PASSWORD);
  }

  signInvite(invite: Scope & { readonly id: string; readonly expiresAt: Date }, via: Via): string {
    // Two tokens of one invite differ, also when they are made within a second: the later one voids the former.
    const nonce = randomBytes(6).toString('base64url');
    const claims = { type: 'team_invite', jti: invite.id, workspace_id: invite.orgId, via, nonce };
    return signJwt(this.inviteKey, INVITE, { ...claims, exp: toSeconds(invite.expiresAt) });
  }

  readInvite(token: string): InviteKey {
    const read = ids(this.inviteKey, INVITE, token);
    return { hash: sha256(token), mailedId: read?.via === 'mail' ? read.id : undefined };
  }

  signPasswordLink(link: { readonly id: string; readonly expiresAt: Date }, via: Via): string {
    const claims = { type: 'set_password', jti: link.id, via };
    return signJwt(this.passwordKey, PASSWORD, { ...claims, exp: toSeconds(link.expiresAt) });
  }

  /** @returns undefined for a token that is malformed, expired or badly signed. */
  readPasswordLink(token: string): { readonly id: string; readonly via: Via } | undefined {
    return ids(this.passwordKey, PASSWORD, token);
  }
}

function ids(key: KeyObject, audience: string, token: string): { id: string; via: Via } | undefined {
  try {
    const { jti, via } = verifyJwt(key, audience, token) as { jti?: unknown; via?: unknown };
    if (typeof jti !== 'string' || !isUuid(jti)) return undefined;
    return { id: jti, via: via === 'mail' ? 'mail' : 'answer' };
  } catch {
    return undefined;
  }
}

const toSeconds = (date: Date): number => Math.floor(date.getTime() / 1_000);
