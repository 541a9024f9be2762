import type { PolicyTable } from './policy.js';

/**
 * Who may call which route: the one table. The API refuses to start when a route has no row or a row has no route.
 */
export const POLICY_TABLE: PolicyTable = {
  // agent402
  'POST /api/v1/auth/register': { who: ['public'], limit: 'auth' },
  'POST /api/v1/auth/login': { who: ['public'], limit: 'auth' },
  'POST /api/v1/auth/refresh': { who: ['public'], limit: 'auth' },
  'GET /api/v1/auth/me': { who: ['user', 'key'] },
  'POST /api/v1/auth/logout': { who: ['user'] },
  'POST /api/v1/auth/change-password': { who: ['user'] },
  'POST /api/v1/auth/api-keys': { who: ['user'] },
  'GET /api/v1/auth/api-keys': { who: ['user'] },
  'DELETE /api/v1/auth/api-keys/:id': { who: ['user'] },

  // agento
  'GET /v1/agents': { who: ['user', 'key'], scope: 'agents:read' },
  'POST /v1/agents': { who: ['user', 'key'], scope: 'agents:write' },
  'GET /v1/agents/:id': { who: ['user', 'key'], scope: 'agents:read' },
  'PATCH /v1/agents/:id': { who: ['user', 'key'], scope: 'agents:write' },
  'DELETE /v1/agents/:id': { who: ['user', 'key'], scope: 'agents:write' },
  'POST /v1/agents/:id/start': { who: ['user', 'key'], scope: 'agents:write' },
  'POST /v1/agents/:id/stop': { who: ['user', 'key'], scope: 'agents:write' },
  'POST /v1/agents/:id/restart': { who: ['user', 'key'], scope: 'agents:write' },
  'GET /v1/agents/:id/status': { who: ['user', 'key'], scope: 'agents:read' },
  'GET /v1/agents/:id/why': { who: ['user', 'key'], scope: 'agents:read' },
  'POST /v1/agents/:id/chat/messages': { who: ['user', 'key'], scope: 'chat' },
  'GET /v1/agents/:id/chat/messages': { who: ['user', 'key'], scope: 'chat' },
  'GET /v1/agents/:id/chat/sessions': { who: ['user', 'key'], scope: 'chat' },
  'POST /v1/agents/:id/chat/sessions': { who: ['user', 'key'], scope: 'chat' },
  'GET /v1/agents/:id/chat/runs/:runId': { who: ['user', 'key'], scope: 'chat' },
  'GET /v1/agents/:id/chat/runs/:runId/stream': { who: ['user', 'key'], scope: 'chat' },
  'GET /v1/agents/:id/logs': { who: ['user', 'key'], scope: 'logs' },
  'GET /v1/agents/:id/logs/stream': { who: ['user', 'key'], scope: 'logs' },
  'GET /v1/account': { who: ['user', 'key'] },

  // operations
  'GET /': { who: ['public'], limit: 'none' },
  'GET /assets/pages.css': { who: ['public'], limit: 'none' },
  'GET /assets/icon.svg': { who: ['public'], limit: 'none' },
  'GET /health': { who: ['public'], limit: 'none' },
  'GET /readyz': { who: ['public'], limit: 'none' },
  'GET /metrics': { who: ['self'], limit: 'none' },
  'GET /docs/bar.css': { who: ['public'], limit: 'none' },
  'GET /docs/start.js': { who: ['public'], limit: 'none' },
  'GET /docs/:surface': { who: ['public'], limit: 'none' },
  'ALL /docs/assets/*': { who: ['public'], limit: 'none' },
  'GET /openapi/:file': { who: ['public'], limit: 'none' },
  'GET /admin/login': { who: ['self'], limit: 'none' },
  'POST /admin/login': { who: ['self'], limit: 'auth' },
  'ALL /admin/*': { who: ['self'], limit: 'none' },
};
