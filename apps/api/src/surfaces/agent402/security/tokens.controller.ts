import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CapabilityTokensService } from '#libs/identity';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import {
  IssueTokenDto,
  IssuedTokenDto,
  RotateTokenQuery,
  RotatedTokenDto,
  TokenListDto,
  TokenListQuery,
} from './tokens.dto.js';
import { toIssueToken, toIssuedToken, toListTokens, toRotatedToken, toTokenList } from './tokens.mapper.js';

@Agent402Controller('Security', 'api/v1/security/tokens', true)
export class TokensController {
  constructor(@Inject(CapabilityTokensService) private readonly tokens: CapabilityTokensService) {}

  /** Capability tokens that were not revoked, newest first. */
  @Get()
  @Refuses(422)
  async listTokens(@CallerOf() caller: Caller, @Query() query: TokenListQuery): Promise<TokenListDto> {
    return toTokenList(await this.tokens.list(caller, toListTokens(query)), new Date());
  }

  /** Issue a capability token to a peer. It is shown this once. */
  @Post()
  @Refuses(422)
  async issueToken(@CallerOf() caller: Caller, @Body() body: IssueTokenDto): Promise<IssuedTokenDto> {
    return toIssuedToken(await this.tokens.issue(caller, toIssueToken(body)));
  }

  /** Put a new token in the place of one, which still works for five minutes. */
  @Post(':jti/rotate')
  @HttpCode(200)
  @Refuses(400, 404, 422)
  async rotateToken(
    @CallerOf() caller: Caller,
    @Param('jti') jti: string,
    @Query() query: RotateTokenQuery,
  ): Promise<RotatedTokenDto> {
    return toRotatedToken(await this.tokens.rotate(caller, jti, query.extends_by), new Date());
  }

  /** Revoke a token: it stops working at once. */
  @Delete(':jti')
  @HttpCode(204)
  @Refuses(404)
  async revokeToken(@CallerOf() caller: Caller, @Param('jti') jti: string): Promise<void> {
    await this.tokens.revoke(caller, jti);
  }
}
