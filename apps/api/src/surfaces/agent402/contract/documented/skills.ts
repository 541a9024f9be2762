import { type DocumentedRoute, each } from './route.js';

const SKILL = 'name description type eligible package source';
const INSTALLABLE = 'skill_name method package description installable docs requirements';
const RESULT = 'success message logs method package';
const CONFIG = 'id agent_id skill_name enabled config has_credentials created_at updated_at';

/** Section 6, of the workspace. */
export const SKILLS: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/skills',
    scope: 'skills',
    query: 'skill_type',
    answers: `total ready cli_total cli_ready project_total project_ready ${each('skills', SKILL)}`,
    errors: '422',
    tests: [
      ['skills', 'lists tools and skills with what is ready'],
      ['skills', 'lists those of the type %s alone'],
      ['skills', 'refuses other types'],
    ],
  },
  {
    route: 'GET /api/v1/skills/installable',
    scope: 'skills',
    answers: `${each('skills', INSTALLABLE)} total auto_installable manual`,
    tests: [['skills', 'show the registry with how each tool is installed']],
  },
  ...['ready', 'missing'].map((list): DocumentedRoute => ({
    route: `GET /api/v1/skills/${list}`,
    scope: 'skills',
    answers: SKILL,
    isArray: true,
    tests: [
      ['skills', 'divides into ready and missing, as bare lists'],
      ['skills', 'counts a program that the host has without an installation as ready'],
    ],
  })),
  {
    route: 'GET /api/v1/skills/:name',
    scope: 'skills',
    answers: SKILL,
    errors: '404',
    tests: [
      ['skills', 'is 404: %s %s'],
      ['skills', 'is as good as absent when it is a skill of others'],
    ],
  },
  {
    route: 'POST /api/v1/skills/:name/install',
    scope: 'skills',
    role: 'ADMIN',
    body: 'force timeout',
    answers: RESULT,
    errors: '400 403 404 422 500',
    tests: [
      ['skills', 'answers when the host has installed it, and agents find it'],
      ['skills', 'does nothing again, unless forced'],
      ['skills', 'is 500 with the last lines when the installer fails, and leaves nothing'],
      ['skills', 'goes on when whoever asked leaves'],
      ['skills', 'is 400 where people have to do it, with what to do'],
      ['skills', 'refuses %j'],
      ['skills', 'is for admins'],
      ['skills', 'is 404: %s %s'],
    ],
  },
  {
    route: 'DELETE /api/v1/skills/:name/install',
    scope: 'skills',
    role: 'ADMIN',
    answers: RESULT,
    errors: '400 403 404 500',
    tests: [
      ['skills', 'takes a tool away'],
      ['skills', 'is 500 when it went wrong inside, and the tool stays'],
      ['skills', 'is 400 for what Go has installed and people have, but for force'],
      ['skills', 'is for admins'],
      ['skills', 'is 404: %s %s'],
    ],
  },
  {
    route: 'GET /api/v1/skills/:name/install-info',
    scope: 'skills',
    answers: INSTALLABLE,
    errors: '404',
    tests: [
      ['skills', 'show the registry with how each tool is installed'],
      ['skills', 'is 404: %s %s'],
    ],
  },
  {
    route: 'GET /api/v1/skills/:name/installation-status',
    scope: 'skills',
    answers: 'skill_name is_installed binary_path method package docs',
    errors: '404',
    tests: [
      ['skills', 'answers when the host has installed it, and agents find it'],
      ['skills', 'is 400 where people have to do it, with what to do'],
      ['skills', 'is 404: %s %s'],
    ],
  },
];

/** Section 6, of an agent. */
export const AGENT_SKILLS: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/agents/:id/skills',
    scope: 'skills',
    answers: `agent_id total_skills enabled_skills configured_skills ${each('skills', 'skill_name enabled has_credentials config')}`,
    errors: '403 404',
    tests: [
      ['agent-skills', 'attaches a tool named by %s, which the next instance has'],
      ['agent-skills', 'shows skills that came by another way, and no agents of others'],
    ],
  },
  {
    route: 'POST /api/v1/agents/:id/skills',
    scope: 'skills',
    body: 'skill_name name skill enabled config',
    status: 201,
    answers: CONFIG,
    errors: '403 404 409 422',
    tests: [
      ['agent-skills', 'attaches a tool named by %s, which the next instance has'],
      ['agent-skills', 'installs a skill of the catalogue'],
      ['agent-skills', 'refuses what is attached already, unknown or foreign, and changes nothing'],
      ['agent-skills', 'refuses %s'],
    ],
  },
  {
    route: 'DELETE /api/v1/agents/:id/skills/:name',
    scope: 'skills',
    status: 204,
    errors: '403 404',
    tests: [
      ['agent-skills', 'detaches %s with its credentials'],
      ['agent-skills', 'refuses strangers and unknown agents'],
    ],
  },
  {
    route: 'POST /api/v1/agents/:id/skills/:name/configure',
    scope: 'skills',
    body: 'api_key access_token refresh_token credentials config enabled',
    answers: CONFIG,
    errors: '403 404 422',
    tests: [
      ['agent-skills', 'keeps credentials as secrets of the agent, and never shows them'],
      ['agent-skills', 'changes what is named, and leaves the rest'],
      ['agent-skills', 'refuses %s, and changes nothing'],
      ['agent-skills', 'knows no unknown skill or agent, and is for owner and admins'],
    ],
  },
];
