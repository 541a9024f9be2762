import type { DocumentedRoute } from './route.js';

const POOL = 'size checked_in checked_out overflow max_overflow utilization_percent';
const POOLS = ['async_pool', 'sync_pool'].flatMap((pool) => [
  pool,
  ...POOL.split(' ').map((field) => `${pool}.${field}`),
]);

/** Section 14. */
export const HEALTH: readonly DocumentedRoute[] = [
  { route: 'GET /health', who: 'public', tests: [['health', 'is public where the contract says so']] },
  { route: 'GET /metrics', who: 'self', tests: [['health', 'gives the same metrics at both addresses']] },
  {
    route: 'GET /rate-limit-status',
    who: 'public',
    answers: 'enabled backend strategy limits limits.global limits.auth limits.post limits.get profiles',
    tests: [['health', 'is public where the contract says so']],
  },
  {
    route: 'GET /api/v1/db/health',
    answers: `status timestamp ${POOLS.join(' ')} async_connection_test sync_connection_test database_name database_host warnings`,
    errors: '503',
    tests: [
      ['health', 'tells how the database does, and how busy the connections are'],
      ['health', 'is 503: %s'],
    ],
  },
  {
    route: 'GET /api/v1/db/pool-stats',
    answers: POOLS.join(' '),
    tests: [['health', 'tells how the database does, and how busy the connections are']],
  },
  {
    route: 'GET /api/v1/metrics',
    who: 'self',
    tests: [
      ['health', 'gives the same metrics at both addresses'],
      ['health', 'counts capability tokens and rows of the audit log under the names of the contract'],
    ],
  },
];
