import { describe, expect, it } from '@jest/globals';
import { Metrics } from './metrics.js';

describe('Metrics', () => {
  it('renders counters, histograms and gauges with their labels', async () => {
    const metrics = new Metrics({ process: false });
    metrics.counter('jobs_total', 'Jobs', ['job']).inc({ job: 'a' }, 2);
    metrics.counter('jobs_total', 'Jobs', ['job']).inc({ job: 'a' });
    metrics.histogram('wait_seconds', 'Wait', ['job']).observe({ job: 'a' }, 0.004);
    metrics.gauge('depth', 'Depth', ['queue'], (gauge) => gauge.set({ queue: 'control' }, 4));
    const text = await metrics.render();
    expect(text).toContain('jobs_total{job="a"} 3');
    expect(text).toContain('wait_seconds_bucket{le="0.005",job="a"} 1');
    expect(text).toContain('depth{queue="control"} 4');
  });

  it('folds label values beyond the bound', async () => {
    const metrics = new Metrics({ process: false });
    const counter = metrics.counter('routes_total', 'Routes', ['route']);
    for (let n = 0; n < 1_000; n += 1) counter.inc({ route: `/r${n}` });
    const lines = (await metrics.render()).split('\n').filter((line) => line.startsWith('routes_total{'));
    expect(lines).toHaveLength(201);
    expect(lines).toContain('routes_total{route="other"} 800');
  });

  it('still answers when a collector fails', async () => {
    const metrics = new Metrics({ process: false });
    metrics.gauge('broken', 'Broken', [], () => Promise.reject(new Error('down')));
    metrics.counter('fine_total', 'Fine').inc({});
    expect(await metrics.render()).toContain('fine_total 1');
  });

  it('knows the process', async () => {
    const text = await new Metrics().render();
    expect(text).toContain('rookery_process_resident_memory_bytes');
    expect(text).toMatch(/^rookery_nodejs_eventloop_utilization_ratio [\d.e-]+$/m);
    expect(text).toMatch(/^rookery_nodejs_eventloop_lag_seconds /m);
    expect(text).not.toMatch(/eventloop_lag_p99/);
  });
});
