import { type Caller, DomainError, type Role, type ScopeName, roleAtLeast } from '#libs/kernel';

/**
 * Who may call a route. `public`: anybody, credentials are not read. `self`: the route guards itself (pages and
 * plugins with a cookie of their own). The others are kinds of caller.
 */
export type Who = 'public' | 'self' | 'user' | 'key' | 'agent' | 'connection' | 'platformAdmin';

/** How calls are counted. `caller` (the default): per key, user or address; `auth`: per address, for login doors; `none`: not at all. */
export type LimitName = 'caller' | 'auth' | 'none';

/** One row of the policy table. */
export interface RoutePolicy {
  readonly who: readonly Who[];
  /** Least role of the caller (of a key: of its maker). */
  readonly role?: Role;
  readonly scope?: ScopeName;
  readonly limit?: LimitName;
  /** Largest body; 1 MiB unless given. */
  readonly bodyLimitBytes?: number;
  /** What the contract answers for another organisation's thing; 404, as if there were none, unless given. */
  readonly foreign?: 403;
  /** Name of the surface when it is not the one of the path's prefix. */
  readonly surface?: string;
}

/** Rows by `METHOD /path`; `ALL /path/*` covers every method and everything below. */
export type PolicyTable = Readonly<Record<string, RoutePolicy>>;

const WHO_OF_KIND: Readonly<Record<Caller['kind'], Who>> = {
  user: 'user',
  apiKey: 'key',
  agent: 'agent',
  connection: 'connection',
};

/** The policy allows everybody, so no credential is needed. */
export const isOpen = (policy: RoutePolicy): boolean => policy.who.includes('public') || policy.who.includes('self');

/**
 * Holds a caller against a row.
 * @throws DomainError `unauthenticated` without a caller, `forbidden` for the wrong kind, role or scope.
 */
export function authorise(policy: RoutePolicy, caller: Caller | undefined): void {
  if (isOpen(policy)) return;
  if (!caller) throw new DomainError('unauthenticated', 'unauthorized', 'Invalid or missing credentials');
  const admin = policy.who.includes('platformAdmin') && caller.kind === 'user' && caller.isPlatformAdmin;
  if (!admin && !policy.who.includes(WHO_OF_KIND[caller.kind]) && !isPeerLikeKey(policy, caller)) {
    throw forbidden('This kind of credential may not call this route');
  }
  if (policy.role && !roleAtLeast(caller.role, policy.role))
    throw forbidden(`This route needs the role ${policy.role}`);
  if (policy.scope && !caller.scopes.includes(policy.scope)) {
    throw forbidden(`This credential lacks the scope ${policy.scope}`);
  }
}

/** A peer's capabilities are scopes: it may call what a key with these may, where a scope is asked for. */
const isPeerLikeKey = (policy: RoutePolicy, caller: Caller): boolean =>
  caller.kind === 'connection' && policy.who.includes('key') && policy.scope !== undefined;

const forbidden = (message: string): DomainError => new DomainError('forbidden', 'forbidden', message);

/** Finds the row of a route template; HEAD falls back to GET. */
export function policyOf(table: PolicyTable, method: string, path: string): RoutePolicy | undefined {
  const verb = method === 'HEAD' ? 'GET' : method;
  const exact = table[`${method} ${path}`] ?? table[`${verb} ${path}`];
  if (exact) return exact;
  const wildcard = Object.keys(table).find((row) => coversByWildcard(row, path));
  return wildcard === undefined ? undefined : table[wildcard];
}

/** What stands between a table and the registered routes; empty when each route has a row and each row a route. */
export function policyProblems(table: PolicyTable, routes: readonly { method: string; path: string }[]): string[] {
  const bare = routes.filter(({ method, path }) => policyOf(table, method, path) === undefined);
  const idle = Object.keys(table).filter(
    (row) => !routes.some(({ method, path }) => row === `${method} ${path}` || coversByWildcard(row, path)),
  );
  return [
    ...bare.map(({ method, path }) => `route ${method} ${path} has no row in the policy table`),
    ...idle.map((row) => `row ${row} of the policy table has no route`),
  ];
}

function coversByWildcard(row: string, path: string): boolean {
  if (!row.startsWith('ALL ') || !row.endsWith('/*')) return false;
  const base = row.slice('ALL '.length, -'/*'.length);
  return path === base || path.startsWith(`${base}/`);
}
