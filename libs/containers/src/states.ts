import type { ContainerState } from './container-runtime.js';

/** The state of an agent of which nothing is found. */
export const missing = (agentId: string): ContainerState => ({
  agentId,
  status: 'missing',
  epoch: null,
  specHash: null,
  imageId: null,
  endpoint: null,
  startedAt: null,
  exitCode: null,
  oomKilled: false,
});
