/** One file of a skill's folder, as it was unpacked. */
export interface SkillFile {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  /** Bytes are read as UTF-8; what is none is a binary file. */
  readonly content: string | Uint8Array;
  /** Where it leads when it is a symbolic link; `content` is not looked at then. */
  readonly linkTarget?: string;
}

export interface ScanInput {
  readonly files: readonly SkillFile[];
  /** The `permissions` block of SKILL.md's front matter as YAML gave it; undefined when there is none. */
  readonly permissions?: unknown;
}

/** From what ends trust at once to what is only worth a look. */
export type Severity = 'critical' | 'high' | 'medium' | 'low';

export interface Finding {
  /** Stable, kebab-case, for example `decode-and-run`. */
  readonly rule: string;
  readonly severity: Severity;
  readonly path: string;
  /** From 1; 0 when the finding is about the file as a whole. */
  readonly line: number;
  /** At most 160 characters, secrets and invisible characters replaced. Text of a stranger: never render it as HTML. */
  readonly excerpt: string;
  /** A sentence for people. */
  readonly message: string;
}

export type Verdict = 'pass' | 'review' | 'quarantine';

export interface ScanReport {
  /** 100: nothing found; 0: as bad as it gets. */
  readonly securityScore: number;
  /** Worst first, at most {@link MOST_FINDINGS}. */
  readonly findings: readonly Finding[];
  /** `quarantine` must not be installed; `review` may, by somebody who has read the findings. */
  readonly verdict: Verdict;
  /** Why the score is what it is, one sentence a rule, the heaviest first. */
  readonly reasons: readonly string[];
}

/** Raised with every change of the rules: what was scanned by others is scanned again. */
export const SCAN_VERSION = 1;
export const MOST_FINDINGS = 200;
/** A score below this is quarantined, and so is any critical finding. */
export const QUARANTINE_BELOW = 40;
/** A score below this, or any high finding, asks for a person's eyes. */
export const REVIEW_BELOW = 80;
