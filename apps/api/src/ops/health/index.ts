export { scrapeMetrics } from '../metrics/scrape.js';
export * from './pool-health.js';
