export { type SkillPermissions as DeclaredPermissions, skillPermissions } from './permissions.js';
export { scanSkill } from './scan.js';
export {
  type Finding,
  MOST_FINDINGS,
  QUARANTINE_BELOW,
  REVIEW_BELOW,
  SCAN_VERSION,
  type ScanInput,
  type ScanReport,
  type Severity,
  type SkillFile as ScannedFile,
  type Verdict,
} from './scan.types.js';
