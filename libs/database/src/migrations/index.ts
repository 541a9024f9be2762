import { Init1795370400000 } from './202611220001-init.js';
import { FileVersions1795374600000 } from './202611220002-file-versions.js';

/** Every migration, oldest first. Append only: a shipped migration is never edited. */
export const migrations = [Init1795370400000, FileVersions1795374600000];
