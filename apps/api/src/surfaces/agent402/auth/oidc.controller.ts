import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiFoundResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { OidcSignInService } from '#libs/identity';
import { ClientAddress } from '../../../http/caller-of.js';
import { LoggedInDto } from './auth.dto.js';
import { toLoggedIn, toOidc, toOidcWish } from './auth.mapper.js';
import { OidcDto, OidcLoginQuery, OidcTokenDto } from './oidc.dto.js';
import { arrive, depart, queryOf, sealedIn } from './oidc.redirects.js';

@ApiTags('Authentication')
@Controller('api/v1/auth/oidc')
export class OidcController {
  private readonly isSecure: boolean;

  constructor(
    @Inject(OidcSignInService) private readonly signIn: OidcSignInService,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.isSecure = config.http.publicUrl.startsWith('https:');
  }

  /** Whether people can sign in with a provider of their organisation's, and where that begins. */
  @Get()
  getOidc(): OidcDto {
    return toOidc(this.signIn.isConfigured, this.config.http.publicUrl);
  }

  /** Sends the browser to the provider (authorization code flow with PKCE). */
  @Get('login')
  @ApiFoundResponse({ description: 'To the provider' })
  async beginOidc(@Query() query: OidcLoginQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    depart(reply, await this.signIn.begin(toOidcWish(query)), this.isSecure);
  }

  /** Where the provider sends the browser back to. Goes on to `return_to`; without one the answer is that of login. */
  @Get('callback')
  @ApiFoundResponse({ description: 'To `return_to`, with `code` or `error`' })
  @ApiOkResponse({ type: LoggedInDto })
  async finishOidc(
    @Req() request: FastifyRequest,
    @ClientAddress() address: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LoggedInDto | undefined> {
    const sealed = sealedIn(request.headers.cookie);
    return arrive(reply, await this.signIn.finish(sealed, queryOf(request.url), address), this.isSecure);
  }

  /** Trade the code that `return_to` was given for tokens. */
  @Post('token')
  @HttpCode(200)
  async exchangeOidcCode(@Body() { code }: OidcTokenDto, @ClientAddress() address: string): Promise<LoggedInDto> {
    return toLoggedIn(await this.signIn.exchange(code, address));
  }
}
