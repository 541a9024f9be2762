import type { PolicyTable } from './policy.js';

/**
 * Who may call which route: the one table. The API refuses to start when a route has no row or a row has no route.
 */
export const POLICY_TABLE: PolicyTable = {};
