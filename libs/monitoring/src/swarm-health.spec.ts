import { describe, expect, it } from '@jest/globals';
import { DEFAULT_THRESHOLDS, SUBSYSTEMS, type Subsystem, type Subsystems } from './monitoring.js';
import { healthOf } from './swarm-health.js';

const QUIET = Object.fromEntries(SUBSYSTEMS.map((name) => [name, {}])) as Subsystems;
const judged = (changes: Partial<Record<keyof Subsystems, Subsystem>>, thresholds = {}) => {
  const { status, alerts } = healthOf({ ...QUIET, ...changes }, { ...DEFAULT_THRESHOLDS, ...thresholds });
  return [status, alerts.map(({ name }) => name)];
};

describe('healthOf', () => {
  it.each([
    ['healthy', [], {}],
    ['degraded', [], { ip_pool: null }],
    ['unhealthy', ['partition'], { partition_detection: { unreachable_hosts: 1 } }],
    ['healthy', [], { result_buffer: { utilization_percent: 80 } }],
    ['degraded', ['buffer_utilization'], { result_buffer: { utilization_percent: 80.1 } }],
    ['healthy', [], { node_crash_detection: { recent_crashes: 2 } }],
    ['degraded', ['crash_count'], { node_crash_detection: { recent_crashes: 3 } }],
    ['healthy', [], { lease_revocation: { revocation_rate: 50 } }],
    ['degraded', ['revocation_rate'], { lease_revocation: { revocation_rate: 51 } }],
    ['healthy', [], { ip_pool: { utilization_percent: 90 } }],
    ['degraded', ['ip_pool_utilization'], { ip_pool: { utilization_percent: 91 } }],
  ] as const)('is %s with alerts %j of %j', (status, alerts, changes) => {
    expect(judged(changes)).toEqual([status, alerts]);
  });

  it('is unhealthy with nothing to look at', () => {
    const nothing = Object.fromEntries(SUBSYSTEMS.map((name) => [name, null]));
    expect(judged(nothing)).toEqual(['unhealthy', []]);
  });

  it('goes by the thresholds it is given', () => {
    expect(judged({ node_crash_detection: { recent_crashes: 1 } }, { crashCount: 1 })).toEqual([
      'degraded',
      ['crash_count'],
    ]);
    expect(judged({ node_crash_detection: { recent_crashes: 0 } }, { crashCount: 0 })).toEqual(['healthy', []]);
  });
});
