import type { CapabilityToken, IssueToken, IssuedToken, ListTokens } from '#libs/identity';
import type { Page } from '#libs/kernel';
import type {
  IssueTokenDto,
  IssuedTokenDto,
  RotatedTokenDto,
  TokenDto,
  TokenListDto,
  TokenListQuery,
} from './tokens.dto.js';

const DEFAULT_SECONDS = 3_600;
const MOST_LISTED = 1_000;

export const toIssueToken = (body: IssueTokenDto): IssueToken => ({
  peerId: body.peer_id,
  capabilities: body.capabilities,
  maxGpuMinutes: body.max_gpu_minutes,
  maxConcurrentTasks: body.max_concurrent_tasks,
  dataScope: body.data_scope ?? [],
  expiresInSeconds: body.expires_in_seconds ?? DEFAULT_SECONDS,
});

export const toListTokens = (query: TokenListQuery): ListTokens => ({
  peerId: query.peer_id,
  expired: query.expired,
  limit: query.limit ?? MOST_LISTED,
  offset: query.offset ?? 0,
});

/** The first eight and the last four characters. */
export const maskedJti = (jti: string): string => `${jti.slice(0, 8)}...${jti.slice(-4)}`;

const toEpoch = (date: Date): number => Math.floor(date.getTime() / 1_000);

export function toToken(token: CapabilityToken, now: Date): TokenDto {
  const left = Math.max(0, Math.ceil((token.expiresAt.getTime() - now.getTime()) / 1_000));
  return {
    jti: null,
    jti_masked: maskedJti(token.jti),
    peer_id: token.peerId,
    capabilities: [...token.capabilities],
    max_gpu_minutes: token.maxGpuMinutes,
    max_concurrent_tasks: token.maxConcurrentTasks,
    data_scope: [...token.dataScope],
    expires_at: toEpoch(token.expiresAt),
    is_expired: left === 0,
    expires_in_seconds: left,
    parent_jti: token.parentJti,
  };
}

export const toTokenList = (page: Page<CapabilityToken>, now: Date): TokenListDto => ({
  tokens: page.items.map((token) => toToken(token, now)),
  total: page.total,
});

export const toIssuedToken = (issued: IssuedToken): IssuedTokenDto => ({
  jti: issued.jti,
  jti_masked: maskedJti(issued.jti),
  peer_id: issued.peerId,
  capabilities: [...issued.capabilities],
  expires_at: toEpoch(issued.expiresAt),
  token: issued.token,
});

export const toRotatedToken = (issued: IssuedToken, now: Date): RotatedTokenDto => ({
  ...toToken(issued, now),
  jti: issued.jti,
  token: issued.token,
});
