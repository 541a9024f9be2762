import {
  ACCESS_SECONDS,
  type Account,
  type OidcWish,
  type Registered,
  type Registration,
  type SignIn,
  type TokenPair,
} from '#libs/identity';
import type { Caller } from '#libs/kernel';
import { bearerToken } from '../../../http/credentials.js';
import type {
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
import type { OidcDto, OidcLoginQuery } from './oidc.dto.js';

export const toRegistration = (body: RegisterDto): Registration => ({
  email: body.email,
  password: body.password,
  fullName: body.full_name ?? body.name ?? '',
  workspace: body.workspace_id?.trim() || undefined,
  inviteToken: body.invite_token || undefined,
});

export const toRegistered = (registered: Registered): RegisteredDto => ({
  user_id: registered.userId,
  email: registered.email,
  full_name: registered.fullName,
  workspace_id: registered.orgId,
  message: 'User registered successfully',
});

export const toSignIn = (body: LoginDto, address: string): SignIn => ({
  email: body.email,
  password: body.password,
  address,
  orgId: body.workspace_id,
});

export const toLoggedIn = (account: Account & TokenPair): LoggedInDto => ({
  ...toRefreshed(account),
  user_id: account.userId,
  email: account.email,
  full_name: account.fullName,
  workspace_id: account.orgId,
});

export const toOidc = (enabled: boolean, publicUrl: string): OidcDto => ({
  enabled,
  login_url: enabled ? `${publicUrl}/api/v1/auth/oidc/login` : null,
});

export const toOidcWish = (query: OidcLoginQuery): OidcWish => ({
  returnTo: query.return_to || undefined,
  inviteToken: query.invite_token || undefined,
});

export const toMe = (account: Account): MeDto => ({
  id: account.userId,
  email: account.email,
  full_name: account.fullName,
  workspace_id: account.orgId,
  is_active: account.isActive,
  created_at: account.createdAt.toISOString(),
});

/** The header wins over the body; without either the empty text is refused like any wrong token. */
export const toRefreshToken = (authorization: string | undefined, body: RefreshDto): string =>
  bearerToken(authorization) ?? body.refresh_token ?? '';

export const toRefreshed = (pair: TokenPair): RefreshedDto => ({
  access_token: pair.accessToken,
  refresh_token: pair.refreshToken,
  token_type: 'bearer',
  expires_in: ACCESS_SECONDS,
});

export const toLoggedOut = (caller: Caller): LoggedOutDto => ({
  message: 'Successfully logged out',
  user_id: caller.userId ?? '',
});

export const toPasswordChange = (
  body: ChangePasswordDto,
  address: string,
): { current: string; next: string; address: string } => ({
  current: body.current_password,
  next: body.new_password,
  address,
});

export const passwordChanged = (): OutcomeDto => ({ message: 'Password changed successfully' });

export const passwordLinkSent = (): OutcomeDto => ({
  message: 'If there is an account with this address, a link to set a password is on its way',
});
