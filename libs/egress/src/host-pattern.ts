import { isIP } from 'node:net';

const LONGEST_HOST = 253;
const DEFAULT_PORTS: readonly number[] = [80, 443];
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[^\s:/@?#\\[\]%]+)(?::(\d{1,5}))?$/i;

/** A host and port of a URL or of a CONNECT request, in the one spelling that is compared. */
export interface HostAndPort {
  /** Lower case, punycode, without a final dot and without brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

/** Hosts that may be connected to. */
export interface HostPattern {
  readonly host: string;
  /** Everything below `host` (written `*.host`) instead of `host` itself. */
  readonly below: boolean;
  readonly ports: readonly number[];
}

/** `name`, `name:port`, `1.2.3.4:port` or `[::1]:port`, spelled as URL parsers do; undefined for anything else. */
export function hostAndPort(text: string): HostAndPort | undefined {
  const [, name, port] = AUTHORITY.exec(text) ?? [];
  if (name === undefined) return undefined;
  const host = URL.parse(`http://${name}/`)
    ?.hostname.replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  if (!host || host.length > LONGEST_HOST || host.split('.').includes('')) return undefined;
  if (port === undefined) return { host, port: undefined };
  return Number(port) >= 1 && Number(port) <= 65_535 ? { host, port: Number(port) } : undefined;
}

/**
 * An exact name or address (`api.example.com`), or all names below one (`*.example.com`, which needs two labels at least);
 * ports 80 and 443 unless `:port` follows. Undefined for anything else.
 */
export function hostPattern(text: string): HostPattern | undefined {
  const below = text.startsWith('*.');
  const found = hostAndPort(below ? text.slice(2) : text);
  if (!found || found.host.includes('*')) return undefined;
  if (below && (isIP(found.host) !== 0 || !found.host.includes('.'))) return undefined;
  return { host: found.host, below, ports: found.port === undefined ? DEFAULT_PORTS : [found.port] };
}

/** Whether one of the patterns names this host, whatever the port. */
export const namesHost = (patterns: readonly HostPattern[], host: string): boolean =>
  patterns.some((pattern) => isNamed(pattern, host));

/** Whether one of the patterns names this host and port. `host` is spelled as {@link hostAndPort} does. */
export const matchesHost = (patterns: readonly HostPattern[], host: string, port: number): boolean =>
  patterns.some((pattern) => pattern.ports.includes(port) && isNamed(pattern, host));

const isNamed = (pattern: HostPattern, host: string): boolean =>
  pattern.below ? host.endsWith(`.${pattern.host}`) : host === pattern.host;
