import { type DocumentedRoute, PAGE, each } from './route.js';

const SWARM =
  'id name description strategy goal status agent_ids agent_count user_id configuration error_message created_at updated_at started_at paused_at stopped_at';
const SUBSYSTEMS =
  'lease_expiration result_buffer partition_detection node_crash_detection lease_revocation duplicate_prevention ip_pool message_verification';
const THRESHOLDS = 'buffer_utilization crash_count revocation_rate ip_pool_utilization';

/** Section 4. */
export const SWARMS: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/swarms',
    scope: 'swarms:read',
    query: 'status limit offset',
    answers: `${each('swarms', SWARM)} ${PAGE}`,
    tests: [['swarms', 'lists by status and page, newest first']],
  },
  {
    route: 'POST /api/v1/swarms',
    scope: 'swarms:write',
    body: 'name! strategy! description goal agent_ids configuration',
    status: 201,
    answers: SWARM,
    errors: '422',
    tests: [
      ['swarms', 'makes one with every documented field'],
      ['swarms', 'takes names of 255 characters, and makes nothing when an agent is unknown'],
    ],
  },
  {
    route: 'GET /api/v1/swarms/:id',
    scope: 'swarms:read',
    answers: SWARM,
    errors: '404',
    tests: [['swarms', 'answer 404 for an unknown swarm: %s %s']],
  },
  {
    route: 'PATCH /api/v1/swarms/:id',
    scope: 'swarms:write',
    body: 'name description strategy goal configuration',
    answers: SWARM,
    errors: '404 422',
    tests: [
      ['swarms', 'change what is named, and nothing else'],
      ['swarms', 'answer 404 for an unknown swarm: %s %s'],
    ],
  },
  {
    route: 'DELETE /api/v1/swarms/:id',
    scope: 'swarms:write',
    status: 204,
    errors: '404',
    tests: [['swarms', 'take a swarm away and leave its agents']],
  },
  ...['POST', 'DELETE'].map((method): DocumentedRoute => ({
    route: `${method} /api/v1/swarms/:id/agents`,
    scope: 'swarms:write',
    body: method === 'POST' ? 'agent_ids!' : 'agent_ids',
    answers: SWARM,
    errors: '404 422',
    tests: [
      ['swarms', 'come and go, doubles and strangers to it passed over'],
      ['swarms', 'are all or none'],
    ],
  })),
  ...['start', 'pause', 'resume'].map((command): DocumentedRoute => ({
    route: `POST /api/v1/swarms/:id/${command}`,
    scope: 'swarms:write',
    answers: SWARM,
    errors: '404 409',
    tests: [
      ['swarms', 'go from state to state, and from no other'],
      ['swarms-live', 'finishes what is under way when it is paused, and goes on when it is resumed'],
    ],
  })),
];

/** Section 5. */
export const SWARM_OBSERVABILITY: readonly DocumentedRoute[] = [
  {
    route: 'GET /api/v1/swarm/health',
    scope: 'swarms:read',
    answers: `status timestamp subsystems_available subsystems_total ${SUBSYSTEMS}`,
    errors: '500 503',
    tests: [
      ['health', 'is 503: %s'],
      ['monitoring', 'is 500 without a word of what went wrong inside: %s'],

      ['monitoring', 'answer every documented field'],
      ['monitoring', 'tell of crashes, but not of what users asked for'],
    ],
  },
  {
    route: 'GET /api/v1/swarm/timeline',
    scope: 'swarms:read',
    query: 'task_id peer_id event_type since until limit offset',
    answers: `${each('events', 'event_type task_id peer_id timestamp metadata')} total_count limit offset`,
    errors: '422',
    tests: [['monitoring', 'shows steps of swarms, newest first, by every filter']],
  },
  {
    route: 'GET /api/v1/swarm/monitoring/status',
    scope: 'swarms:read',
    answers: 'status timestamp subsystems registered_health_subsystems timeline_event_count bootstrapped',
    errors: '500 503',
    tests: [
      ['health', 'is 503: %s'],
      ['monitoring', 'is 500 without a word of what went wrong inside: %s'],
      ['monitoring', 'answer every documented field'],
    ],
  },
  {
    route: 'GET /api/v1/swarm/alerts/thresholds',
    scope: 'swarms:read',
    answers: `${THRESHOLDS} updated_at`,
    tests: [['monitoring', 'are kept, changed in part, and act at once']],
  },
  {
    route: 'PUT /api/v1/swarm/alerts/thresholds',
    who: 'user',
    role: 'ADMIN',
    body: THRESHOLDS,
    answers: `${THRESHOLDS} updated_at`,
    errors: '403 422',
    tests: [
      ['monitoring', 'are kept, changed in part, and act at once'],
      ['monitoring', 'refuse %j and stay'],
      ['monitoring', 'are changed by admins only'],
    ],
  },
];
