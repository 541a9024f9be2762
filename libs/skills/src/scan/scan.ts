import { skillPermissions } from './permissions.js';
import { applyLineRules } from './rule.js';
import { COMMAND_RULES } from './rules/commands.js';
import { fileFindings } from './rules/files.js';
import { installHookFindings } from './rules/install-hooks.js';
import { OBFUSCATION_RULES, obfuscationFindings } from './rules/obfuscation.js';
import { declarationFindings, permissionFindings } from './rules/permission-use.js';
import { promptFindings } from './rules/prompts.js';
import { SECRET_RULES, secretFindings } from './rules/secrets.js';
import { type Finding, MOST_FINDINGS, type ScanInput, type ScanReport, type SkillFile } from './scan.types.js';
import { scored, worstFirst } from './score.js';
import { sourceOf } from './source.js';

/** Of one file, and of all: what is beyond is not read, and a finding says so. */
const MOST_CHARACTERS = 512 * 1024;
const MOST_CHARACTERS_IN_ALL = 2 * 1024 * 1024;
const MOST_LINES_IN_ALL = 50_000;
const LINE_RULES = [...COMMAND_RULES, ...SECRET_RULES, ...OBFUSCATION_RULES];

/**
 * Looks for what a skill should not hold. Pure and deterministic: the same files give the same report in any order. Takes
 * time in proportion to the text, of which it reads 512 Ki characters a file, 2 Mi and 50,000 lines in all.
 */
export function scanSkill({ files, permissions: block }: ScanInput): ScanReport {
  const permissions = skillPermissions(block);
  const ordered = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const texts = textsOf(ordered);
  const { read, findings } = withinLimits(texts);
  const sources = read.map(([path, text]) => sourceOf(path, text));
  const all = [
    ...findings,
    ...fileFindings(ordered, texts),
    ...declarationFindings(
      permissions,
      sources.some(({ kind }) => kind === 'code'),
    ),
    ...sources.flatMap((source) => [
      ...applyLineRules(source, LINE_RULES),
      ...secretFindings(source),
      ...obfuscationFindings(source),
      ...installHookFindings(source),
      ...promptFindings(source),
      ...permissionFindings(source, permissions),
    ]),
  ].sort(worstFirst);
  return { ...scored(all), findings: all.slice(0, MOST_FINDINGS) };
}

/** Paths of files that are text, with their text. */
function textsOf(files: readonly SkillFile[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { path, content, linkTarget } of files) {
    const text = linkTarget === undefined ? textOf(content) : undefined;
    if (text !== undefined) texts.set(path, text);
  }
  return texts;
}

function textOf(content: string | Uint8Array): string | undefined {
  if (typeof content === 'string') return content.includes('\0') ? undefined : content;
  if (content.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

/** SKILL.md and code come first, so that padding can't push them out. */
function withinLimits(texts: ReadonlyMap<string, string>): {
  read: (readonly [string, string])[];
  findings: Finding[];
} {
  const read: (readonly [string, string])[] = [];
  const findings: Finding[] = [];
  let [characters, lines] = [MOST_CHARACTERS_IN_ALL, MOST_LINES_IN_ALL];
  for (const [path, text] of [...texts].sort(([a], [b]) => Number(isPadding(a)) - Number(isPadding(b)))) {
    const part = cut(text, Math.min(MOST_CHARACTERS, characters), lines);
    characters -= part.length;
    lines -= linesOf(part);
    if (part !== '') read.push([path, part]);
    if (part.length < text.length) findings.push(notRead(path, isPadding(path)));
  }
  return { read, findings };
}

/** The start of a text, of at most that many characters and lines. */
function cut(text: string, characters: number, lines: number): string {
  const part = text.slice(0, characters);
  return linesOf(part) <= lines ? part : part.split(LINE_END, lines).join('\n');
}

const LINE_END = /\r\n|[\n\r\u2028\u2029]/;

const linesOf = (text: string): number => (text === '' ? 0 : text.split(LINE_END).length);

const isPadding = (path: string): boolean => /\.(json|csv|tsv|xml|svg|css|ya?ml|txt|geojson)$/i.test(path);

const notRead = (path: string, isData: boolean): Finding => ({
  rule: 'not-read-whole',
  severity: isData ? 'medium' : 'high',
  path,
  line: 0,
  excerpt: '',
  message: 'Is longer than what is scanned, so that its end may hold anything',
});
