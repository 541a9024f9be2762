export const REGIONS = ['us', 'eu'] as const;
export type AgentoRegion = (typeof REGIONS)[number];

export const RUNTIMES = ['house', 'openclaw'] as const;

/** What an agent can be, as agento's clients read it. */
export const STATUSES = [
  'provisioning',
  'running',
  'stopping',
  'stopped',
  'restarting',
  'error',
  'deleting',
  'deleted',
] as const;
