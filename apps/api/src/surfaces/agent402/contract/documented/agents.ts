import { type DocumentedRoute, PAGE, each } from './route.js';

const AGENT =
  'id name persona model user_id workspace_id status openclaw_session_key openclaw_agent_id heartbeat_enabled heartbeat_interval heartbeat_checklist last_heartbeat_at next_heartbeat_at configuration error_message error_count created_at updated_at provisioned_at paused_at stopped_at';
const CHANGED = `${AGENT} message`;
const HEARTBEAT = 'heartbeat heartbeat.enabled heartbeat.interval heartbeat.checklist';
const FILES = 'agent_id files missing_files';
const CONTEXT = 'context_type context';

/** Section 2. */
export const AGENTS: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/agents',
    scope: 'agents:read',
    query: 'status limit offset',
    answers: `${each('agents', AGENT)} ${PAGE}`,
    errors: '422 503',
    tests: [
      ['agents', 'lists the workspace, newest first, with the fields of both contracts'],
      ['agents', 'is empty for a new workspace, and pages'],
      ['agents', 'shows each agent under its status'],
      ['health', 'is 503: %s'],
    ],
  },
  {
    route: 'POST /api/v1/agents',
    scope: 'agents:write',
    body: `name! model persona ${HEARTBEAT} configuration workspace_id`,
    status: 201,
    answers: AGENT,
    errors: '403 422',
    tests: [
      ['agents-live', 'is made once, provisioned at once, and speaks'],
      ['agents', 'refuses a configuration that would reach a prototype'],
      ['agents', 'refuses another workspace, and finds no board'],
    ],
  },
  {
    route: 'GET /api/v1/agents/:id',
    scope: 'agents:read',
    answers: AGENT,
    errors: '403 404',
    tests: [
      ['agents', 'answers every documented field'],
      ['agents', 'tells a missing agent from one of another workspace'],
    ],
  },
  {
    route: 'PUT /api/v1/agents/:id',
    scope: 'agents:write',
    body: `name persona model ${HEARTBEAT} configuration`,
    answers: AGENT,
    errors: '403 404 422',
    tests: [
      ['agents', '%s changes what it names and nothing else'],
      ['agents', 'refuse %j and change nothing'],
      ['agents', 'are for the owner and for admins'],
    ],
  },
  {
    route: 'DELETE /api/v1/agents/:id',
    scope: 'agents:write',
    status: 204,
    errors: '403 404',
    tests: [['agents-live', 'is gone when it is deleted']],
  },
  {
    route: 'POST /api/v1/agents/:id/provision',
    scope: 'agents:write',
    answers: CHANGED,
    errors: '403 404 409',
    tests: [
      ['agents-live', 'says why it failed, and is provisioned again once that is mended'],
      ['agents', '%s is refused when it is %s'],
      ['agents', '%s finds no unknown agent'],
    ],
  },
  {
    route: 'POST /api/v1/agents/:id/message',
    scope: 'chat',
    body: 'message!',
    answers: 'response agent_id message_id',
    errors: '403 404 409 422',
    tests: [
      ['agents-live', 'is made once, provisioned at once, and speaks'],
      ['agents', '%s is refused when it is %s'],
      ['agents', 'a message may not be %j'],
    ],
  },
  ...['pause', 'resume'].map((command): DocumentedRoute => ({
    route: `POST /api/v1/agents/:id/${command}`,
    scope: 'agents:write',
    answers: CHANGED,
    errors: '403 404 409',
    tests: [
      ['agents-live', 'is woken by the clock, but not while it is paused'],
      ['agents', '%s is refused when it is %s'],
      ['agents', '%s finds no unknown agent'],
    ],
  })),
  {
    route: 'POST /api/v1/agents/:id/heartbeat',
    scope: 'agents:write',
    answers: 'status message id agent_id checklist_items started_at completed_at duration_seconds error_message',
    errors: '403 404 409',
    tests: [
      ['agents-live', 'goes through its checklist when it is asked, and remembers what came of it'],
      ['agents', '%s is refused when it is %s'],
    ],
  },
  {
    route: 'GET /api/v1/agents/:id/settings',
    scope: 'agents:read',
    answers: `agent_id name persona model ${HEARTBEAT} configuration updated_at`,
    errors: '403 404',
    tests: [['agents', '%s changes what it names and nothing else']],
  },
];

/** Section 3. */
export const PERSONALITY: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/agents/:id/personality',
    scope: 'agents:read',
    answers: FILES,
    errors: '403 404',
    tests: [
      ['personality', 'names the eight files, and what is missing'],
      ['personality', 'knows no unknown agent, and keeps those of others apart'],
    ],
  },
  {
    route: 'POST /api/v1/agents/:id/personality/initialize',
    scope: 'agents:write',
    body: 'agent_name! model persona',
    answers: FILES,
    errors: '403 404 422',
    tests: [
      ['personality', 'writes all eight from templates that know name, model and persona'],
      ['personality', 'leaves what somebody wrote, unless told otherwise'],
    ],
  },
  ...['system', 'task', 'minimal'].map((view): DocumentedRoute => ({
    route: `GET /api/v1/agents/:id/personality/context/${view}`,
    scope: 'agents:read',
    ...(view === 'task' && { query: 'task_description' }),
    answers: CONTEXT,
    errors: '403 404',
    tests: [
      ['personality', 'join the files with headings'],
      ['personality', 'say something sensible without any file'],
      ['personality', 'know no unknown agent: %s'],
    ],
  })),
];
