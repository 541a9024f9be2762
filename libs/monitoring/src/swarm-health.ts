import type { Alert, AlertName, HealthStatus, Subsystems, SwarmHealth, Thresholds } from './monitoring.js';

/**
 * The rules of the contract, in their order: a partition is unhealthy, so is having nothing to look at; something missing, or a
 * threshold crossed, is degraded. Crashes count from the threshold on, rates above it.
 */
export function healthOf(subsystems: Subsystems, thresholds: Thresholds): SwarmHealth {
  const alerts = alertsOf(subsystems, thresholds);
  return { status: statusOf(subsystems, alerts), subsystems, alerts };
}

function statusOf(subsystems: Subsystems, alerts: readonly Alert[]): HealthStatus {
  const all = Object.values(subsystems);
  const available = all.filter((one) => one !== null).length;
  if (alerts.some(({ name }) => name === 'partition') || available === 0) return 'unhealthy';
  return available < all.length || alerts.length > 0 ? 'degraded' : 'healthy';
}

function alertsOf(subsystems: Subsystems, thresholds: Thresholds): Alert[] {
  const figure = (of: keyof Subsystems, name: string): number => Number(subsystems[of]?.[name] ?? 0);
  const crossed = (name: AlertName, value: number, threshold: number, isFrom = false): Alert[] =>
    (isFrom ? value >= threshold : value > threshold) ? [{ name, value, threshold }] : [];
  const crashes = figure('node_crash_detection', 'recent_crashes');
  return [
    ...crossed('partition', figure('partition_detection', 'unreachable_hosts'), 0),
    ...crossed('buffer_utilization', figure('result_buffer', 'utilization_percent'), thresholds.bufferUtilization),
    ...crossed('crash_count', crashes, Math.max(1, thresholds.crashCount), true),
    ...crossed('revocation_rate', figure('lease_revocation', 'revocation_rate'), thresholds.revocationRate),
    ...crossed('ip_pool_utilization', figure('ip_pool', 'utilization_percent'), thresholds.ipPoolUtilization),
  ];
}
