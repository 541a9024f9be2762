import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '#libs/kernel';

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/**
 * Who may read the metrics: the bearer of the token when there is one, otherwise a client on this machine.
 * What came through a proxy is not from this machine, whoever forwarded it.
 * @throws DomainError `unauthenticated` or `forbidden`.
 */
export function authoriseScrape(
  token: string | undefined,
  headers: IncomingHttpHeaders,
  peer: string | undefined,
): void {
  if (token !== undefined) {
    if (sameText(headers.authorization ?? '', `Bearer ${token}`)) return;
    throw new DomainError('unauthenticated', 'unauthorized', 'Metrics need the METRICS_TOKEN as bearer token');
  }
  const proxied = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  if (peer !== undefined && LOOPBACK.test(peer) && !proxied) return;
  throw new DomainError('forbidden', 'forbidden', 'Metrics are for this machine only; set METRICS_TOKEN to read them');
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const sameText = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));
