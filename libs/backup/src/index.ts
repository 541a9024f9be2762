export { type BackupOptions, backUp } from './backup.js';
export { DRILL_EVENTS } from './drill/drills.repository.js';
export { RestoreDrill } from './drill/restore-drill.js';
export { RestoreDrillModule } from './drill/restore-drill.module.js';
export type { BackupManifest } from './manifest.js';
export { type RestoreOptions, readManifest, restore } from './restore.js';
