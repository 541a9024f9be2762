import type { DatabaseHealth, PoolStats } from '../../../ops/health/index.js';
import { isoTime } from '../agent402.times.js';
import type { DatabaseHealthDto, PoolDto, PoolStatsDto, RateLimitStatusDto } from './health.dto.js';

const DEGRADED_PERCENT = 80;
const UNHEALTHY_PERCENT = 95;

export function toRateLimitStatus(limits: {
  readonly ratePerMinute: number;
  readonly authPerMinute: number;
}): RateLimitStatusDto {
  const perMinute = `${limits.ratePerMinute}/minute`;
  return {
    enabled: true,
    backend: 'postgres',
    strategy: 'moving-window',
    limits: { global: perMinute, auth: `${limits.authPerMinute}/minute`, post: perMinute, get: perMinute },
    profiles: {
      global: 'each user, key or token; without one each address; all methods together',
      auth: 'each address, at the doors for signing in',
    },
  };
}

export const toPoolStats = (stats: PoolStats, now: Date): PoolStatsDto => ({
  timestamp: isoTime(now),
  async_pool: toPool(stats),
  sync_pool: toPool(stats),
});

export function toDatabaseHealth(health: DatabaseHealth, isOperator: boolean, now: Date): DatabaseHealthDto {
  const { utilization_percent: percent } = toPool(health);
  return {
    status: percent >= UNHEALTHY_PERCENT ? 'unhealthy' : percent >= DEGRADED_PERCENT ? 'degraded' : 'healthy',
    ...toPoolStats(health, now),
    async_connection_test: true,
    sync_connection_test: true,
    database_name: isOperator ? health.name : null,
    database_host: isOperator ? health.host : null,
    warnings: warningsOf(health, percent),
  };
}

function warningsOf({ waiting }: PoolStats, percent: number): string[] {
  return [
    ...(percent >= DEGRADED_PERCENT ? [`${percent} % of the connections are in use`] : []),
    ...(waiting > 0 ? [`${waiting} queries wait for a connection`] : []),
  ];
}

const toPool = ({ size, free, busy, waiting }: PoolStats): PoolDto => ({
  size,
  checked_in: free,
  checked_out: busy,
  overflow: waiting,
  max_overflow: 0,
  utilization_percent: size === 0 ? 100 : Math.round((busy / size) * 1000) / 10,
});
