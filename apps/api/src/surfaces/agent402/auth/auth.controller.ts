import { Body, Controller, Get, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { AccountsService, Registrations, SessionsService } from '#libs/identity';
import type { Caller } from '#libs/kernel';
import { CallerOf, ClientAddress } from '../../../http/caller-of.js';
import { Refuses } from '../agent402.openapi.js';
import {
  ChangePasswordDto,
  LoggedInDto,
  LoggedOutDto,
  LoginDto,
  MeDto,
  OutcomeDto,
  RefreshDto,
  RefreshedDto,
  RegisterDto,
  RegisteredDto,
} from './auth.dto.js';
import {
  passwordChanged,
  toLoggedIn,
  toLoggedOut,
  toMe,
  toPasswordChange,
  toRefreshToken,
  toRefreshed,
  toRegistered,
  toRegistration,
  toSignIn,
} from './auth.mapper.js';

@ApiTags('Authentication')
@Controller('api/v1/auth')
export class AuthController {
  constructor(
    @Inject(Registrations) private readonly registrations: Registrations,
    @Inject(AccountsService) private readonly accounts: AccountsService,
    @Inject(SessionsService) private readonly sessions: SessionsService,
  ) {}

  /** Make an account. It gets an organisation of its own unless an invite says otherwise. */
  @Post('register')
  @HttpCode(200)
  @Refuses(400, 403, 422, 429, 500, 503)
  async register(@Body() body: RegisterDto): Promise<RegisteredDto> {
    return toRegistered(await this.registrations.register(toRegistration(body)));
  }

  /** Sign in with e-mail address and password. */
  @Post('login')
  @HttpCode(200)
  @Refuses(401, 403, 422, 429, 500, 503)
  async login(@Body() body: LoginDto, @ClientAddress() address: string): Promise<LoggedInDto> {
    return toLoggedIn(await this.accounts.login(toSignIn(body, address)));
  }

  /** The signed-in user; for an API key, its maker. */
  @Get('me')
  @ApiBearerAuth('bearer')
  @ApiSecurity('apiKey')
  @Refuses(401, 403, 429, 500, 503)
  async getMe(@CallerOf() caller: Caller): Promise<MeDto> {
    return toMe(await this.accounts.me(caller));
  }

  /** Trade a refresh token (`Authorization: Bearer`, or `refresh_token` in the body) for a new pair. */
  @Post('refresh')
  @HttpCode(200)
  @Refuses(401, 429, 500, 503)
  async refresh(
    @Headers('authorization') authorization: string | undefined,
    @Body() body: RefreshDto,
  ): Promise<RefreshedDto> {
    return toRefreshed(await this.sessions.refresh(toRefreshToken(authorization, body)));
  }

  /** End the login session: its access and refresh tokens stop working at once. */
  @Post('logout')
  @HttpCode(200)
  @ApiBearerAuth('bearer')
  @Refuses(401, 429, 500, 503)
  async logout(@CallerOf() caller: Caller): Promise<LoggedOutDto> {
    return this.sessions.logout(caller).then(() => toLoggedOut(caller));
  }

  /** Change the password; the user's other sessions end. */
  @Post('change-password')
  @HttpCode(200)
  @ApiBearerAuth('bearer')
  @Refuses(400, 401, 422, 429, 500, 503)
  async changePassword(
    @CallerOf() caller: Caller,
    @Body() body: ChangePasswordDto,
    @ClientAddress() address: string,
  ): Promise<OutcomeDto> {
    return this.accounts.changePassword(caller, toPasswordChange(body, address)).then(passwordChanged);
  }
}
