import {
  type Finding,
  QUARANTINE_BELOW,
  REVIEW_BELOW,
  type ScanReport,
  type Severity,
  type Verdict,
} from './scan.types.js';

/** Points that the first finding of a rule costs; each further one of it costs a quarter, up to as much again. */
const COST: Readonly<Record<Severity, number>> = { critical: 65, high: 25, medium: 10, low: 2 };
const ORDER: readonly Severity[] = ['critical', 'high', 'medium', 'low'];

interface RuleCost {
  readonly worst: Finding;
  readonly count: number;
  readonly points: number;
}

/** Score, verdict and their reasons: the same for the same findings in any order. */
export function scored(findings: readonly Finding[]): Pick<ScanReport, 'securityScore' | 'verdict' | 'reasons'> {
  const costs = [...byRule(findings).values()].map(costOf).sort(heaviest);
  const lost = costs.reduce((sum, { points }) => sum + points, 0);
  const securityScore = Math.max(0, Math.round(100 - lost));
  return { securityScore, verdict: verdictOf(securityScore, findings), reasons: costs.map(reasonOf) };
}

export const worstFirst = (a: Finding, b: Finding): number =>
  ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) ||
  compare(a.path, b.path) ||
  a.line - b.line ||
  compare(a.rule, b.rule);

function verdictOf(score: number, findings: readonly Finding[]): Verdict {
  const has = (severity: Severity): boolean => findings.some((finding) => finding.severity === severity);
  if (score < QUARANTINE_BELOW || has('critical')) return 'quarantine';
  return score < REVIEW_BELOW || has('high') ? 'review' : 'pass';
}

function byRule(findings: readonly Finding[]): Map<string, Finding[]> {
  const rules = new Map<string, Finding[]>();
  for (const finding of [...findings].sort(worstFirst)) {
    const same = rules.get(finding.rule);
    if (same) same.push(finding);
    else rules.set(finding.rule, [finding]);
  }
  return rules;
}

function costOf(findings: readonly Finding[]): RuleCost {
  const [worst, ...others] = findings as readonly [Finding, ...Finding[]];
  const more = others.reduce((sum, { severity }) => sum + COST[severity] / 4, 0);
  return { worst, count: findings.length, points: COST[worst.severity] + Math.min(COST[worst.severity], more) };
}

function reasonOf({ worst, count, points }: RuleCost): string {
  const where = worst.line > 0 ? `${worst.path}:${worst.line}` : worst.path;
  const more = count > 1 ? ` and ${count - 1} more` : '';
  return `-${Math.round(points)} (${worst.severity}) ${worst.message}: ${where}${more}`;
}

const heaviest = (a: RuleCost, b: RuleCost): number => b.points - a.points || compare(a.worst.rule, b.worst.rule);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
