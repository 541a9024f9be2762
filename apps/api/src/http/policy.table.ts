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
};
