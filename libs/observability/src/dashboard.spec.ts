import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Metrics } from './metrics.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

/** Every metric that a program registers, with the text of the call that does. */
function registered(): Map<string, string> {
  const files = ['apps', 'libs'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('spec.ts'))
      .map((file) => readFileSync(join(ROOT, folder, file), 'utf8')),
  );
  const found = new Map<string, string>();
  for (const text of files) {
    for (const { 0: name, index } of text.matchAll(/(?<=')rookery_[a-z_]+(?=')/g)) {
      found.set(name, text.slice(index, index + 400));
    }
  }
  return found;
}

async function defaults(): Promise<string[]> {
  return (await new Metrics().registry.getMetricsAsArray()).map(({ name }) => name);
}

const dashboard = JSON.parse(readFileSync(join(ROOT, 'docker/grafana/rookery.json'), 'utf8')) as Dashboard;
const queries = dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));
const metricsIn = (expr: string): string[] =>
  [...expr.matchAll(/rookery_[a-z0-9_]+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''));

describe('the Grafana dashboard', () => {
  it.each(queries)('%s asks for metrics that there are: %s', async (_title, expr) => {
    const known = new Set([...registered().keys(), ...(await defaults())]);
    expect(metricsIn(expr).length).toBeGreaterThan(0);
    expect(metricsIn(expr).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(queries.filter(([, expr]) => expr.includes(' by (')))('%s groups by labels of it: %s', (_title, expr) => {
    const labels = [...expr.matchAll(/ by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
    const call = registered().get(metricsIn(expr)[0] ?? '') ?? '';
    const own = labels.filter((label) => label !== 'le');
    expect(own.filter((label) => !call.includes(`'${label}'`))).toEqual([]);
  });

  it('shows requests, jobs, queues, agents, first text and the broker', () => {
    const shown = new Set(queries.flatMap(([, expr]) => metricsIn(expr)));
    for (const name of [
      ...['rookery_http_request_duration_seconds', 'rookery_job_seconds', 'rookery_queue_jobs', 'rookery_agents'],
      ...['rookery_chat_first_text_seconds', 'rookery_broker_answer_seconds'],
    ]) {
      expect([name, shown.has(name)]).toEqual([name, true]);
    }
  });
});
