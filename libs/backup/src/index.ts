export { type BackupOptions, backUp } from './backup.js';
export type { BackupManifest } from './manifest.js';
export { type RestoreOptions, readManifest, restore } from './restore.js';
