import type { IncomingMessage } from 'node:http';
import { hostAndPort } from '#libs/egress';
import { invalid } from '#libs/kernel';

/** Where an agent wants to go. */
export interface ProxyTarget {
  /** As `hostAndPort` spells it. */
  readonly host: string;
  readonly port: number;
}

const CREDENTIAL = /^(Basic|Bearer) ([^\s]+)$/i;

/** Of a CONNECT request: `host:port`. @throws DomainError `validation`. */
export function connectTarget(authority: string | undefined): ProxyTarget {
  const { host, port } = hostAndPort(authority ?? '') ?? {};
  if (host === undefined || port === undefined) throw invalid('CONNECT needs host:port');
  return { host, port };
}

/** Of a request in absolute form: `GET http://host/path`. @throws DomainError `validation`. */
export function absoluteTarget(url: string | undefined): ProxyTarget & { readonly url: URL } {
  const parsed = URL.parse(url ?? '');
  const { host } = hostAndPort(parsed?.hostname ?? '') ?? {};
  if (!parsed || parsed.protocol !== 'http:' || parsed.username !== '' || parsed.password !== '' || !host) {
    throw invalid('The proxy passes on requests to http:// addresses without a user name; for https use CONNECT');
  }
  return { host, port: Number(parsed.port || 80), url: parsed };
}

/** The egress token: password (or, without one, user name) of the proxy's URL, or a bearer token. */
export function proxyToken(req: IncomingMessage): string | undefined {
  const [, scheme = '', credential = ''] = CREDENTIAL.exec(req.headers['proxy-authorization'] ?? '') ?? [];
  if (scheme.toLowerCase() !== 'basic') return credential || undefined;
  const [, user = '', password = ''] =
    /^([^:]*):?(.*)$/s.exec(Buffer.from(credential, 'base64').toString('utf8')) ?? [];
  return password || user || undefined;
}
