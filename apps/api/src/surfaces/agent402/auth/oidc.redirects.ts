import type { FastifyReply } from 'fastify';
import { ATTEMPT_SECONDS, type OidcArrival, type OidcDeparture } from '#libs/identity';
import type { LoggedInDto } from './auth.dto.js';
import { toLoggedIn } from './auth.mapper.js';

const COOKIE = 'rookery_oidc';
const PATH = '/api/v1/auth/oidc';

/** Sends the browser to the provider; its cookie comes back with it alone. */
export function depart(reply: FastifyReply, { url, sealed }: OidcDeparture, isSecure: boolean): void {
  reply.status(302).header('location', url).header('cache-control', 'no-store');
  reply.header('set-cookie', cookie(sealed, ATTEMPT_SECONDS, isSecure));
}

/** Sends the browser on to the page it came from, or answers with the tokens; an attempt ends once. */
export function arrive(reply: FastifyReply, arrival: OidcArrival, isSecure: boolean): LoggedInDto | undefined {
  reply.header('set-cookie', cookie('', 0, isSecure)).header('cache-control', 'no-store');
  if ('session' in arrival) return toLoggedIn(arrival.session);
  reply.status(302).header('location', arrival.returnTo);
  return undefined;
}

/** What {@link depart} left with the browser. */
export const sealedIn = (cookies: string | undefined): string | undefined =>
  new RegExp(`(?:^|;\\s*)${COOKIE}=([^;\\s]+)`).exec(cookies ?? '')?.[1];

/** The query of an address, as it came. */
export const queryOf = (address: string): string => address.split('?')[1] ?? '';

const cookie = (value: string, seconds: number, isSecure: boolean): string =>
  `${COOKIE}=${value}; Path=${PATH}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
