import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What every runtime has to do; the rows of the table in docs/runtimes.md. */
export const CASES = [
  'tells that it lives',
  'refuses who does not know its token',
  'streams an answer piece by piece',
  'keeps sessions apart',
  'begins anew in a new session',
  'lets a leaving reader stop the model',
  'says that the model is down',
  'keeps a conversation over a restart',
  'keeps peers apart, whatever tool one of them tries',
  'follows an edit of SOUL.md with the next turn',
  'uses a skill that was dropped in with the next turn',
  'uses an installed skill with the next turn, and no disabled one',
  'logs nothing of what was said',
] as const;
export type Case = (typeof CASES)[number];

/** The columns of the table. */
export const WORLDS = ['house, process', 'house, docker', 'OpenClaw, process', 'OpenClaw, docker'] as const;
export type World = (typeof WORLDS)[number];

export type Outcomes = Readonly<Record<string, boolean>>;

export interface RuntimesTable {
  /** By world: which version was tried, and what came of each case. */
  readonly versions: Readonly<Record<string, string>>;
  readonly outcomes: Readonly<Record<string, Outcomes>>;
}

export const DOC = join(process.cwd(), 'docs', 'runtimes.md');
const BEGIN = '<!-- written by test/e2e/runtimes -->';
const END = '<!-- end -->';

/** Version of the house runtime. */
export const houseVersion = (): string =>
  (JSON.parse(readFileSync(join(process.cwd(), 'package.json'), 'utf8')) as { version: string }).version;

export function readTable(doc: string): RuntimesTable {
  const lines = tableOf(doc)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const rows = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const worlds = (rows[0] ?? []).slice(1);
  const versions = rows.find(([name]) => name === 'version') ?? [];
  const cases = rows.slice(2).filter(([name]) => name !== 'version');
  const column = (at: number): Outcomes =>
    Object.fromEntries(cases.map((row) => [row[0] ?? '', row[at + 1] === 'yes']));
  return {
    versions: Object.fromEntries(worlds.map((world, at) => [world, versions[at + 1] ?? ''])),
    outcomes: Object.fromEntries(worlds.map((world, at) => [world, column(at)])),
  };
}

/** The document with another table, formatted as the formatter wants it. */
export function withTable(doc: string, { versions, outcomes }: RuntimesTable): string {
  const rows = [
    ['', ...WORLDS],
    ['version', ...WORLDS.map((world) => versions[world] ?? '')],
    ...CASES.map((name) => [name, ...WORLDS.map((world) => (outcomes[world]?.[name] ? 'yes' : 'no'))]),
  ];
  const widths = rows[0]!.map((_, at) => Math.max(3, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  const table = [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
  return `${doc.slice(0, doc.indexOf(BEGIN))}${BEGIN}\n\n${table}\n\n${doc.slice(doc.indexOf(END))}`;
}

function tableOf(doc: string): string {
  const [from, to] = [doc.indexOf(BEGIN), doc.indexOf(END)];
  if (from < 0 || to < from) throw new Error('docs/runtimes.md has lost the marks around its table');
  return doc.slice(from, to);
}
