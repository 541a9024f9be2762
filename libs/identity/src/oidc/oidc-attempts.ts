import type { KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { deriveKey, signJwt, verifyJwt } from '#libs/crypto';
import * as client from 'openid-client';
import { attemptInvalid, returnRefused } from './oidc.errors.js';

const PURPOSE = 'rookery:oidc';

/** How long somebody may take at the provider. */
export const ATTEMPT_SECONDS = 600;

/** What the browser that begins a sign-in keeps until it comes back, so that nobody else can end it. */
export interface OidcAttempt {
  readonly state: string;
  readonly nonce: string;
  /** PKCE: its challenge went to the provider. */
  readonly verifier: string;
  /** Where the browser goes with a code afterwards; undefined: it is answered with the tokens. */
  readonly returnTo: string | undefined;
  readonly inviteToken: string | undefined;
}

/** Sign-ins under way, sealed for the browser's cookie: nothing is stored for somebody who never comes back. */
@Injectable()
export class OidcAttempts {
  private readonly key: KeyObject;

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.key = deriveKey(config.security.jwtSecret, PURPOSE);
  }

  /** @throws DomainError `validation` for a `returnTo` on a foreign origin. */
  make(wish: { readonly returnTo?: string | undefined; readonly inviteToken?: string | undefined }): OidcAttempt {
    const { returnTo, inviteToken } = wish;
    if (returnTo !== undefined && !this.isOurs(returnTo)) throw returnRefused();
    return {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      returnTo,
      inviteToken,
    };
  }

  seal(attempt: OidcAttempt): string {
    return signJwt(this.key, PURPOSE, { ...attempt, exp: Math.floor(Date.now() / 1000) + ATTEMPT_SECONDS });
  }

  /** @throws DomainError `validation` for what was not sealed here, or is too old. */
  open(sealed: string | undefined): OidcAttempt {
    try {
      return verifyJwt(this.key, PURPOSE, sealed ?? '') as unknown as OidcAttempt;
    } catch {
      throw attemptInvalid();
    }
  }

  private isOurs(address: string): boolean {
    const { corsOrigins, publicUrl } = this.config.http;
    return URL.canParse(address) && [new URL(publicUrl).origin, ...corsOrigins].includes(new URL(address).origin);
  }
}
