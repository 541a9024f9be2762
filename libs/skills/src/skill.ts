import type { SkillRequirements } from './requirements.js';
import type { Finding, Verdict } from './scan/index.js';

/** Who vouches for a skill: us, the community, or nobody but the organisation that uploaded it. */
export const TRUST_LEVELS = ['verified', 'clawhub', 'custom'] as const;
export type TrustLevel = (typeof TRUST_LEVELS)[number];

/** A text file of a skill; `path` is relative to its folder. */
export interface SkillFile {
  readonly path: string;
  readonly content: string;
}

/** What a skill says it needs beyond reading its own folder; nothing where it says nothing. */
export interface SkillPermissions {
  /** Host names, `*.` in front for all below. */
  readonly network: readonly string[];
  /** Places in the workspace. */
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Names of environment variables. */
  readonly env: readonly string[];
}

/** A folder in the Agent Skills format, read and found good. */
export interface ParsedSkill {
  /** Name of the folder: lower-case words joined by hyphens. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly description: string;
  /** The beginning of what SKILL.md says. */
  readonly enhancedDescription: string;
  readonly author: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly useCases: readonly string[];
  /** Programs it brings in `scripts/`. */
  readonly toolCount: number;
  /** Three numbers, `1.2.0`. */
  readonly version: string;
  readonly permissions: SkillPermissions;
  readonly requirements: SkillRequirements;
  /** In the order of their paths. */
  readonly files: readonly SkillFile[];
  readonly sizeBytes: number;
  /** SHA-256 over paths and contents, hexadecimal. */
  readonly digest: string;
}

/** A skill of the catalogue. */
export interface CatalogueSkill {
  readonly id: string;
  readonly trustLevel: TrustLevel;
  /** The organisation added it itself. */
  readonly isOwn: boolean;
  readonly name: string;
  readonly description: string;
  readonly enhancedDescription: string;
  readonly author: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly useCases: readonly string[];
  readonly toolCount: number;
  readonly version: string;
  readonly digest: string;
  readonly permissions: SkillPermissions;
  readonly requirements: SkillRequirements;
  /** 0 to 100, of the scan; null for what was stored before there was one. */
  readonly securityScore: number | null;
  /** What the scan found, worst first. */
  readonly findings: readonly Finding[];
  /** `quarantine` can not be installed. */
  readonly verdict: Verdict;
  /** Why the score is what it is, the heaviest first. */
  readonly reasons: readonly string[];
  /** Agents that have it now. */
  readonly installCount: number;
}

export interface SearchSkills {
  /** Words that name, description or tags must have, or begin with. */
  readonly search?: string;
  readonly category?: string;
  readonly limit: number;
  readonly offset: number;
}

/** A skill on an agent, pinned to the content it was installed with. */
export interface InstalledSkill {
  readonly id: string;
  /** Of its row in the catalogue. */
  readonly skillKey: string;
  readonly skillId: string;
  readonly name: string;
  readonly version: string;
  readonly trustLevel: TrustLevel;
  readonly digest: string;
  /** False while it is being installed, and when it was disabled. */
  readonly isEnabled: boolean;
  readonly state: 'installing' | 'installed';
  /** When its content was disabled; null when it was not. */
  readonly disabledAt: Date | null;
  /** What the scan says of its content now. */
  readonly verdict: Verdict;
  /** What people have to do before all of it works, a sentence each. */
  readonly manual: readonly string[];
  readonly installedAt: Date;
}
