import { Inject, Injectable } from '@nestjs/common';
import { CapabilityCredentials, CredentialService } from '#libs/identity';
import type { Caller } from '#libs/kernel';
import type { ApiRequest } from './request.js';

/** Reads who is asking from `X-Api-Key`, else from `Authorization: Bearer` (of a user or a peer). */
@Injectable()
export class Credentials {
  constructor(
    @Inject(CredentialService) private readonly service: CredentialService,
    @Inject(CapabilityCredentials) private readonly capabilities: CapabilityCredentials,
  ) {}

  /** @returns undefined when no credential was sent, or one that is not valid. */
  async read(request: ApiRequest): Promise<Caller | undefined> {
    const key = request.headers['x-api-key'];
    if (typeof key === 'string') return this.service.fromApiKey(key);
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) return undefined;
    return (await this.service.fromAccessToken(token)) ?? this.capabilities.fromToken(token);
  }

  /** Who a request that was let in stands for now. An access token may have run out meanwhile, its session not. */
  again(request: ApiRequest, before: Caller): Promise<Caller | undefined> {
    const { sessionId, userId, orgId } = before;
    if (before.kind !== 'user' || !sessionId || !userId) return this.read(request);
    return this.service.ofSession({ sessionId, userId, orgId });
  }
}

/** The token of `Authorization: Bearer <token>`; undefined for anything else. */
export function bearerToken(header: string | undefined): string | undefined {
  const match = header === undefined ? null : /^Bearer ([^\s]{1,8192})$/i.exec(header);
  return match?.[1];
}
