import { performance } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const MOST_VALUES = 200;
const OTHER = 'other';
/** Sampling the event loop's delay, at the usual 10 ms, takes most of what an idle program takes; its utilisation is free. */
const NO_SAMPLES_MS = 60_000;
const SAMPLED_LAG = /eventloop_lag_\w+_seconds$/;

type Labels<L extends string> = Readonly<Record<L, string>>;

/** Counts. Labels take at most 200 values each; further ones are counted as `other`. */
export interface CounterMetric<L extends string> {
  inc(labels: Labels<L>, by?: number): void;
}

/** Measures. The unit is the suffix of the name: `_seconds`, `_bytes`. */
export interface HistogramMetric<L extends string> {
  observe(labels: Labels<L>, value: number): void;
}

/** Present values. */
export interface GaugeMetric<L extends string> {
  set(labels: Labels<L>, value: number): void;
}

/**
 * The process's Prometheus metrics. Label values come from closed sets (route templates, job names, never a URL or an
 * id); what goes beyond is folded, so that nothing a client sends can grow the registry.
 * Asking twice for a name gives the same metric.
 */
export class Metrics {
  readonly registry = new Registry();
  private readonly seen = new Map<string, Set<string>>();

  constructor(options: { readonly process?: boolean } = {}) {
    if (options.process ?? true) this.watchProcess();
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): CounterMetric<L> {
    const metric =
      (this.registry.getSingleMetric(name) as Counter<L> | undefined) ??
      new Counter({ name, help, labelNames, registers: [this.registry] });
    const series = this.series(name, labelNames, (bounded) => metric.labels(bounded));
    return { inc: (labels, by = 1) => series(labels).inc(by) };
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  ): HistogramMetric<L> {
    const metric =
      (this.registry.getSingleMetric(name) as Histogram<L> | undefined) ??
      new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [this.registry] });
    const series = this.series(name, labelNames, (bounded) => metric.labels(bounded));
    return { observe: (labels, value) => series(labels).observe(value) };
  }

  /** With `collect`, the values are asked for at each scrape; an error there leaves the metric out. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (gauge: GaugeMetric<L>) => Promise<void> | void,
  ): GaugeMetric<L> {
    const known = this.registry.getSingleMetric(name) as Gauge<L> | undefined;
    const wrap = (metric: Gauge<L>): GaugeMetric<L> => ({
      set: (labels, value) => metric.set(this.bound(name, labels), value),
    });
    if (known) return wrap(known);
    const metric: Gauge<L> = new Gauge<L>({
      name,
      help,
      labelNames,
      registers: [this.registry],
      ...(collect ? { collect: () => this.collect(metric, wrap(metric), collect) } : {}),
    });
    return wrap(metric);
  }

  /** The text of `GET /metrics`; its type is {@link contentType}. */
  render(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  private watchProcess(): void {
    const eventLoopMonitoringPrecision = NO_SAMPLES_MS;
    collectDefaultMetrics({ register: this.registry, prefix: 'rookery_', eventLoopMonitoringPrecision });
    for (const { name } of this.registry.getMetricsAsArray())
      if (SAMPLED_LAG.test(name)) this.registry.removeSingleMetric(name);
    let before = performance.eventLoopUtilization();
    this.gauge('rookery_nodejs_eventloop_utilization_ratio', 'Busy share since the last scrape', [], (gauge) => {
      const now = performance.eventLoopUtilization();
      gauge.set({}, performance.eventLoopUtilization(now, before).utilization);
      before = now;
    });
  }

  private async collect<L extends string>(
    metric: Gauge<L>,
    wrapped: GaugeMetric<L>,
    collect: (gauge: GaugeMetric<L>) => Promise<void> | void,
  ): Promise<void> {
    metric.reset();
    try {
      await collect(wrapped);
    } catch {
      metric.reset();
    }
  }

  /** The series of label values, remembered: looking one up by its labels costs more than counting. */
  private series<L extends string, S>(
    name: string,
    labelNames: readonly L[],
    open: (labels: Labels<L>) => S,
  ): (labels: Labels<L>) => S {
    const known = new Map<string, S>();
    const keyOf = (labels: Labels<L>): string => labelNames.map((label) => labels[label]).join('\n');
    return (labels) => {
      const key = keyOf(labels);
      const found = known.get(key);
      if (found) return found;
      const bounded = this.bound(name, labels);
      const series = open(bounded);
      if (keyOf(bounded) === key) known.set(key, series);
      return series;
    };
  }

  private bound<L extends string>(metric: string, labels: Labels<L>): Record<L, string> {
    const bounded = { ...labels } as Record<L, string>;
    for (const label of Object.keys(bounded) as L[]) {
      const name = `${metric}.${label}`;
      const values = this.seen.get(name) ?? new Set<string>();
      this.seen.set(name, values);
      if (values.size < MOST_VALUES) values.add(bounded[label]);
      if (!values.has(bounded[label])) bounded[label] = OTHER;
    }
    return bounded;
  }
}
