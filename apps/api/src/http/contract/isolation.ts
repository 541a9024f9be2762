import { ROLES, type Role, SCOPES, type ScopeName, roleAtLeast, scopesOfRole } from '#libs/kernel';
import { type PolicyTable, type RoutePolicy, isOpen } from '../policy.js';

/** Whoever may try a route. A key is of an owner, so that its scope is all that limits it. */
export type Actor = Role | ScopeName | 'platform admin' | 'other organisation' | 'agent token' | 'nobody';

export const ACTORS: readonly Actor[] = [
  ...ROLES,
  ...SCOPES,
  'platform admin',
  'other organisation',
  'agent token',
  'nobody',
];

/** What becomes of it: let in, refused with a status, or nobody is asked who they are. */
export type Verdict = 'yes' | 401 | 403 | 404 | 'open';

/** Parameters that are words, the same ones everywhere, and name nothing of anybody's. */
const WORDS = ['/api/v1/api-keys/:service', '/api/v1/skills/:name', '/v1/hosts/:hostId'];

/** Whether the path names a thing that belongs to somebody. */
export const namesThing = (row: string): boolean => row.includes('/:') && !WORDS.some((words) => row.includes(words));

/** What the policy table promises. Agent tokens are for the doors of the edge: the API knows none. */
export function promised(row: string, policy: RoutePolicy, actor: Actor): Verdict {
  if (isOpen(policy)) return 'open';
  if (actor === 'nobody' || actor === 'agent token') return 401;
  if (actor === 'other organisation') return ofOthers(row, policy);
  if (actor === 'platform admin') return policy.who.includes('platformAdmin') || mayCall(policy, 'OWNER') ? 'yes' : 403;
  if (isScope(actor)) return !policy.who.includes('key') || (policy.scope && policy.scope !== actor) ? 403 : 'yes';
  return mayCall(policy, actor) ? 'yes' : 403;
}

const isScope = (actor: Actor): actor is ScopeName => (SCOPES as readonly Actor[]).includes(actor);

function ofOthers(row: string, policy: RoutePolicy): Verdict {
  if (!mayCall(policy, 'OWNER')) return 403;
  return namesThing(row) ? (policy.foreign ?? 404) : 'yes';
}

const mayCall = ({ who, role, scope }: RoutePolicy, of: Role): boolean =>
  who.includes('user') && (!role || roleAtLeast(of, role)) && (!scope || scopesOfRole(of).includes(scope));

const HEAD = `# Isolation

Who may call which route, as \`apps/api/src/http/contract/isolation.contract-spec.ts\` finds it by calling every one as everybody. The spec
writes this page (\`UPDATE_DOCS=1\`) and fails when it is not what it finds.

- **owner** to **viewer**: members of an organisation, signed in, by role. Where an agent is somebody's (\`/api/v1/agents\`), its maker and
  admins alone may change it.
- **platform admin**: an owner who runs this installation besides.
- **keys**: the scopes of which an owner's API key needs one; "any": every key; "–": no key is let in.
- **others**: the owner of another organisation, naming things of this one. 404: to them there is no such thing; "own": the path names
  nothing, so they see and change what is theirs.
- An **agent's token** opens nothing here (401): it is for the doors of the edge. **Nobody** gets 401 but where a route is open.
`;

/** The page, from what was found. */
export function isolationPage(table: PolicyTable, found: (row: string, actor: Actor) => Verdict): string {
  const rows = Object.entries(table);
  const open = rows.filter(([, policy]) => isOpen(policy)).map(([row]) => row);
  const lines = rows
    .filter(([, policy]) => !isOpen(policy))
    .map(([row]) => [`\`${row}\``, ...ROLES.map((role) => mark(found(row, role))), ...rest(row, found)]);
  const header = [
    'route',
    ...ROLES.map((role) => role.toLowerCase()),
    'platform admin',
    'keys',
    'others',
    'agent token',
    'nobody',
  ];
  const table_ = [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  const doors = open.map((row) => `- \`${row}\``);
  return [HEAD, ...table_, '', '## Open, or guarded by a cookie of their own', '', ...doors, ''].join('\n');
}

function rest(row: string, found: (row: string, actor: Actor) => Verdict): string[] {
  const scopes = SCOPES.filter((scope) => found(row, scope) === 'yes');
  const keys = scopes.length === SCOPES.length ? 'any' : scopes.join(', ') || '–';
  const others = found(row, 'other organisation');
  const admin = mark(found(row, 'platform admin'));
  const last = [mark(found(row, 'agent token')), mark(found(row, 'nobody'))];
  return [admin, keys, others === 'yes' ? 'own' : mark(others), ...last];
}

const mark = (verdict: Verdict): string => (verdict === 'yes' ? 'yes' : String(verdict));
