import { Init1795370400000 } from './202611220001-init.js';

/** Every migration, oldest first. Append only: a shipped migration is never edited. */
export const migrations = [Init1795370400000];
