import { excerptOf } from './excerpt.js';
import type { Finding, Severity } from './scan.types.js';
import type { Source, SourceLine, Where } from './source.js';

/**
 * Looks at one line at a time. Patterns must take linear time on any text: only bounded repetitions, none within
 * another (the specs try every rule on hostile lines).
 */
export interface LineRule {
  readonly rule: string;
  readonly severity: Severity;
  readonly where: readonly Where[];
  readonly pattern: RegExp;
  /** A line that this matches too is left alone. */
  readonly unless?: RegExp;
  readonly message: string;
}

export const EXECUTED: readonly Where[] = ['code', 'command'];
export const READ: readonly Where[] = ['code', 'comment', 'command', 'prose', 'data'];

/** Matches of one rule in one file that are shown. */
export const MOST_A_FILE = 5;

/** All findings of the rules in a file, at most {@link MOST_A_FILE} each. */
export function applyLineRules(source: Source, rules: readonly LineRule[]): Finding[] {
  return rules.flatMap((rule) => {
    const found: Finding[] = [];
    for (const line of source.lines) {
      if (found.length === MOST_A_FILE) break;
      if (!rule.where.includes(line.where) || found.at(-1)?.line === line.number) continue;
      const at = line.text.search(rule.pattern);
      if (at >= 0 && !rule.unless?.test(line.text)) found.push(findingAt(source, line, rule, at));
    }
    return found;
  });
}

export function findingAt(
  source: Pick<Source, 'path'>,
  line: Pick<SourceLine, 'number' | 'text'>,
  { rule, severity, message }: Pick<LineRule, 'rule' | 'severity' | 'message'>,
  at = 0,
): Finding {
  return { rule, severity, path: source.path, line: line.number, excerpt: excerptOf(line.text, at), message };
}
