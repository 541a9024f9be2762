import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import * as client from 'openid-client';
import { noProvider, providerUnavailable, signInFailed } from './oidc.errors.js';
import type { OidcAttempt } from './oidc-attempts.js';

const TIMEOUT_SECONDS = 10;

/** Who the provider says somebody is. */
export interface OidcPerson {
  readonly issuer: string;
  /** The provider's own, stable name of the person. */
  readonly subject: string;
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
  readonly fullName: string | undefined;
}

/**
 * The OpenID Connect provider of the installation: authorization code flow with PKCE, state and nonce. Its metadata is read
 * when it is first needed, and again after that failed, so that Rookery starts without it.
 */
@Injectable()
export class OidcProvider {
  private metadata: Promise<client.Configuration> | undefined;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  get isConfigured(): boolean {
    return this.config.oidc !== undefined;
  }

  /** Where the browser has to go. @throws DomainError `not_found` without a provider, `unavailable`. */
  async authorizationUrl(attempt: OidcAttempt): Promise<string> {
    const configuration = await this.configuration();
    return client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.redirectUri,
      scope: this.config.oidc?.scopes ?? '',
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: 'S256',
    }).href;
  }

  /** Trades what the browser came back with for who it is. @throws DomainError `unauthenticated`, `unavailable`. */
  async person(attempt: OidcAttempt, query: string): Promise<OidcPerson> {
    const configuration = await this.configuration();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, new URL(`${this.redirectUri}?${query}`), {
        pkceCodeVerifier: attempt.verifier,
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw signInFailed();
      const { iss: issuer, sub: subject } = claims;
      const said =
        claims.email === undefined
          ? await client.fetchUserInfo(configuration, tokens.access_token, subject)
          : (claims as client.UserInfoResponse);
      return {
        issuer,
        subject,
        email: said.email,
        isEmailVerified: said.email_verified === true,
        fullName: said.name ?? said.preferred_username,
      };
    } catch (error) {
      throw toDomainError(error);
    }
  }

  private get redirectUri(): string {
    return `${this.config.http.publicUrl}/api/v1/auth/oidc/callback`;
  }

  private async configuration(): Promise<client.Configuration> {
    const { oidc } = this.config;
    if (!oidc) throw noProvider();
    const issuer = new URL(oidc.issuer);
    this.metadata ??= client.discovery(issuer, oidc.clientId, oidc.clientSecret, undefined, {
      timeout: TIMEOUT_SECONDS,
      ...(issuer.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {}),
    });
    try {
      return await this.metadata;
    } catch (error) {
      this.metadata = undefined;
      throw providerUnavailable(error);
    }
  }
}

/** The provider's refusal, or an answer that does not fit the attempt, is a failed sign-in; anything else is the way to it. */
function toDomainError(error: unknown): Error {
  if (error instanceof client.AuthorizationResponseError) return signInFailed(error.error);
  if (error instanceof client.ResponseBodyError) return signInFailed(error.error);
  if (error instanceof client.ClientError && error.code !== 'OAUTH_TIMEOUT') return signInFailed();
  if (error instanceof TypeError || error instanceof client.ClientError) return providerUnavailable(error);
  return error as Error;
}
