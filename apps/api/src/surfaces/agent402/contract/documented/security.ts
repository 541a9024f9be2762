import { type DocumentedRoute, PAGE, each } from './route.js';

const KEY = 'id service_name masked_key created_at updated_at is_active';
const SETTING = 'id provider masked_key is_active last_validated_at created_at';
const TOKEN =
  'jti jti_masked peer_id capabilities max_gpu_minutes max_concurrent_tasks data_scope expires_at is_expired expires_in_seconds parent_jti';
const ADMIN = { who: 'user', role: 'ADMIN' } as const;
const NOT_FOR_MEMBERS = ['service-keys', 'are shown to a %s, who changes none'] as const;
const NO_TOKENS_FOR_MEMBERS = ['tokens', 'is not for a %s, nor are the other routes'] as const;

/** Section 12. */
export const KEYS_AND_SECURITY: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/api-keys',
    who: 'user',
    answers: KEY,
    isArray: true,
    tests: [['service-keys', 'stores a key for a service, replaces it, and lists it masked'], NOT_FOR_MEMBERS],
  },
  {
    route: 'POST /api/v1/api-keys/:service',
    ...ADMIN,
    body: 'api_key!',
    status: 201,
    answers: KEY,
    errors: '403 422',
    tests: [
      ['service-keys', 'stores a key for a service, replaces it, and lists it masked'],
      ['service-keys', 'hides a short key altogether and stores none readable'],
      ['service-keys', 'refuses %s %s %j'],
      NOT_FOR_MEMBERS,
    ],
  },
  {
    route: 'POST /api/v1/api-keys/:service/verify',
    ...ADMIN,
    answers: 'service_name is_valid message',
    errors: '403 404 422',
    tests: [['service-keys', 'verifies a stored key with %s']],
  },
  {
    route: 'GET /api/v1/settings/api-keys',
    who: 'user',
    query: 'workspace_id',
    answers: SETTING,
    isArray: true,
    tests: [
      ['service-keys', 'adds a key, lists it and removes it, with every field of the document'],
      ['service-keys', 'keeps workspaces apart'],
    ],
  },
  {
    route: 'POST /api/v1/settings/api-keys',
    ...ADMIN,
    body: 'workspace_id! provider! api_key! validate',
    status: 201,
    answers: `${SETTING} workspace_id updated_at`,
    errors: '400 403 422',
    tests: [
      ['service-keys', 'refuses a second key of a provider, also when both come at once'],
      ['service-keys', 'stores nothing that the provider refuses or does not answer for'],
      NOT_FOR_MEMBERS,
    ],
  },
  {
    route: 'DELETE /api/v1/settings/api-keys/:id',
    ...ADMIN,
    answers: 'success message deleted_id',
    errors: '403 404',
    tests: [
      ['service-keys', 'adds a key, lists it and removes it, with every field of the document'],
      ['service-keys', 'keeps workspaces apart'],
    ],
  },
  {
    route: 'POST /api/v1/settings/api-keys/test',
    ...ADMIN,
    body: 'provider! api_key!',
    answers: 'provider is_valid message',
    errors: '403 422',
    tests: [
      ['service-keys', 'says what %s says of a key, and stores nothing'],
      ['service-keys', 'refuses what it does not know'],
    ],
  },
  {
    route: 'GET /api/v1/security/audit-logs',
    ...ADMIN,
    query: 'peer_id event_type result start_time end_time limit offset',
    answers: `${each('events', 'timestamp event_type peer_id action resource result reason metadata')} ${PAGE}`,
    errors: '403 422',
    tests: [
      ['audit-logs', 'shows what was done, newest first, with every field of the document'],
      ['audit-logs', 'filters by peer, type, result and time, both ends included, and pages'],
      ['audit-logs', 'is not for a %s'],
    ],
  },
  {
    route: 'GET /api/v1/security/tokens',
    ...ADMIN,
    query: 'peer_id expired',
    answers: `${each('tokens', TOKEN)} total`,
    errors: '403 422',
    tests: [['tokens', 'lists what was not revoked, masked, newest first, by peer and expiry'], NO_TOKENS_FOR_MEMBERS],
  },
  {
    route: 'POST /api/v1/security/tokens',
    ...ADMIN,
    body: 'peer_id! capabilities! max_gpu_minutes! max_concurrent_tasks! data_scope expires_in_seconds',
    status: 201,
    answers: 'jti jti_masked peer_id capabilities expires_at token',
    errors: '403 422',
    tests: [
      ['tokens', 'issues a token, shown once, with every field of the document'],
      ['tokens', 'refuses %s and keeps nothing'],
      ['tokens', 'takes the limits themselves: no GPU, no task, a minute'],
      ['tokens', 'may call what its scopes allow, and nothing that is for users'],
    ],
  },
  {
    route: 'POST /api/v1/security/tokens/:jti/rotate',
    ...ADMIN,
    query: 'extends_by',
    answers: TOKEN,
    errors: '400 403 404 422',
    tests: [
      ['tokens', 'gives a successor, and lets the old token work for five more minutes'],
      ['tokens', 'refuses what is expired, revoked or rotated with 400, and what is not there with 404'],
      ['tokens', 'ends the old token with its grace, whatever a replica remembers'],
    ],
  },
];
