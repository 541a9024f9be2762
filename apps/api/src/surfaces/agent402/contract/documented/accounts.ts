import { type DocumentedRoute, PAGE, each } from './route.js';

const USER = 'id email full_name workspace_id is_active created_at';
const MEMBER = 'id email name role status invited_by invited_at joined_at';
const TEMPLATE =
  'id name description category icons default_model default_persona default_heartbeat_interval default_checklist user_id created_at updated_at';

/** Section 1. */
export const AUTHENTICATION: readonly DocumentedRoute[] = [
  {
    route: 'POST /api/v1/auth/register',
    who: 'public',
    body: 'email! password! name full_name workspace_id',
    answers: 'user_id email full_name workspace_id message',
    errors: '400 403 422',
    tests: [
      ['auth', "works as the document's quick start writes it"],
      ['auth', 'refuses an address that is taken'],
      ['auth', 'refuses an existing workspace without an invite'],
    ],
  },
  {
    route: 'POST /api/v1/auth/login',
    who: 'public',
    body: 'email! password!',
    answers: 'access_token refresh_token token_type user_id email full_name workspace_id',
    errors: '401 403 422',
    tests: [
      ['auth', 'gives tokens and the user'],
      ['auth', 'says the same for a wrong password and an unknown user'],
      ['auth', 'refuses an inactive user'],
      ['auth', 'answers the sixth failure in a minute with 429, and others still get in'],
    ],
  },
  {
    route: 'GET /api/v1/auth/me',
    answers: USER,
    errors: '403',
    tests: [
      ['auth', 'shows the user'],
      ['auth', 'refuses a refresh token and the token of a deleted user'],
      ['auth', 'says that an inactive user is inactive'],
    ],
  },
  {
    route: 'POST /api/v1/auth/refresh',
    who: 'public',
    body: 'refresh_token',
    answers: 'access_token token_type refresh_token',
    errors: '401',
    tests: [
      ['auth', 'takes the token from the header or the body and rotates it'],
      ['auth', 'refuses an access token, nonsense and nothing'],
    ],
  },
  {
    route: 'POST /api/v1/auth/logout',
    who: 'user',
    answers: 'message user_id',
    tests: [['auth', 'ends access and refresh']],
  },
  {
    route: 'POST /api/v1/auth/change-password',
    who: 'user',
    body: 'current_password! new_password!',
    answers: 'message',
    errors: '400 422',
    tests: [
      ['auth', 'changes it'],
      ['auth', 'refuses a wrong current password, a weak new one, and nobody'],
    ],
  },
];

/** The first half of section 13. */
export const TEAM: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/team/members',
    who: 'user',
    answers: each('members', MEMBER),
    tests: [
      ['team', 'shows those who are here, then those who are invited'],
      ['team', 'is for every user of the workspace and nobody else'],
    ],
  },
  {
    route: 'POST /api/v1/team/members/invite',
    who: 'user',
    role: 'ADMIN',
    body: 'email! name! role!',
    status: 201,
    answers: `${each('member', MEMBER)} invite_token message`,
    errors: '403 409 422',
    tests: [
      ['team', 'makes a pending member and shows the token once'],
      ['team', 'refuses an address that is a member or invited, in any case'],
      ['team', 'is for admins, and grants nothing above their own role'],
    ],
  },
  {
    route: 'PATCH /api/v1/team/members/:id/role',
    who: 'user',
    role: 'ADMIN',
    body: 'role!',
    answers: MEMBER,
    errors: '400 403 404 422',
    tests: [
      ['team', '%s changes it at once, on keys too'],
      ['team', 'never touches the last owner'],
      ['team', 'refuses an unknown role, a malformed id, an unknown one, a foreign one, members and keys'],
    ],
  },
  {
    route: 'DELETE /api/v1/team/members/:id',
    who: 'user',
    role: 'ADMIN',
    answers: 'message',
    errors: '400 403 404 422',
    tests: [
      ['team', 'ends sessions, keys and places in swarms at once, for good'],
      ['team', 'refuses the last owner, an admin who removes an owner, ids that are none, and members'],
    ],
  },
  {
    route: 'POST /api/v1/team/members/accept-invite/:token',
    who: 'public',
    answers: 'id email name role status joined_at message',
    errors: '400 409',
    tests: [
      ['team', 'works as documented without a body: no password opens the account until one is set'],
      ['team', 'is good once, also for two at once, and says that it was used'],
      ['team', 'refuses nonsense, an expired invite, a weak password and a token of another kind'],
    ],
  },
];

/** The second half of section 13. */
export const TEMPLATES: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/templates',
    scope: 'agents:read',
    query: 'category limit offset',
    answers: `${each('templates', TEMPLATE)} ${PAGE}`,
    errors: '422',
    tests: [
      ['templates', 'are listed with every field, by category and page'],
      ['templates', 'refuse what is wrong, and keep workspaces apart'],
    ],
  },
  {
    route: 'GET /api/v1/templates/:id',
    scope: 'agents:read',
    answers: TEMPLATE,
    errors: '404',
    tests: [['templates', 'refuse what is wrong, and keep workspaces apart']],
  },
  {
    route: 'POST /api/v1/templates/seed',
    scope: 'agents:write',
    answers: TEMPLATE,
    isArray: true,
    tests: [
      ['templates', 'are added once, by whoever may make agents'],
      ['templates', 'make agents that work: each speaks, and goes through its checklist'],
    ],
  },
];
