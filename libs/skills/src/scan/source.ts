/** What a line is for: the same words mean more in a program than in prose about it. */
export type Where = 'code' | 'comment' | 'command' | 'prose' | 'data';

export interface SourceLine {
  /** From 1. */
  readonly number: number;
  /** At most {@link LONGEST_LINE} characters: longer lines come in pieces that overlap. */
  readonly text: string;
  /** `command`: in a fence or between backticks of a document, which an agent copies. */
  readonly where: Where;
}

/** A text file cut into lines, without the blank ones. */
export interface Source {
  readonly path: string;
  readonly kind: 'code' | 'document' | 'data';
  readonly lines: readonly SourceLine[];
}

const LONGEST_LINE = 2_000;
/** Longer than anything a rule matches. */
const OVERLAP = 300;

const CODE =
  /\.(js|mjs|cjs|jsx|ts|mts|cts|tsx|py|pyw|pth|sh|bash|zsh|fish|ksh|rb|pl|pm|php|go|rs|java|kt|swift|lua|ps1|psm1|bat|cmd|vbs|r|jl|c|h|cc|cpp|cs|scala|groovy|gradle|applescript|awk|nix|gyp)$/i;
const DOCUMENT = /\.(md|mdx|markdown|txt|rst|adoc|html|htm)$/i;
const CODE_NAME =
  /(^|\/)(makefile|dockerfile|justfile|rakefile|gemfile|procfile|\.[a-z]*rc|\.profile|\.bash_profile)$/i;
const COMMENT = /^\s*(#(?!!)|\/\/|\/\*|\*(?=\s|\/|$)|--\s|;;|<!--|rem\s)/i;

/** Cuts a text into lines and says what each is for. */
export function sourceOf(path: string, text: string): Source {
  const kind = kindOf(path, text);
  const lines: SourceLine[] = [];
  let fenced = false;
  text.split(/\r\n|[\n\r\u2028\u2029]/).forEach((line, index) => {
    const isFence = kind === 'document' && /^\s{0,3}(```|~~~)/.test(line);
    const where = whereOf(kind, line, fenced && !isFence);
    if (isFence) fenced = !fenced;
    if (line.trim() === '') return;
    for (const piece of pieces(line)) lines.push({ number: index + 1, text: piece, where });
  });
  return { path, kind, lines };
}

function kindOf(path: string, text: string): Source['kind'] {
  if (CODE.test(path) || CODE_NAME.test(path) || text.startsWith('#!')) return 'code';
  return DOCUMENT.test(path) || !path.includes('.') ? 'document' : 'data';
}

function whereOf(kind: Source['kind'], line: string, fenced: boolean): Where {
  if (kind === 'data') return 'data';
  if (kind === 'document') return fenced || /`[^`]{3,300}`/.test(line.slice(0, LONGEST_LINE)) ? 'command' : 'prose';
  return COMMENT.test(line) ? 'comment' : 'code';
}

function pieces(line: string): string[] {
  if (line.length <= LONGEST_LINE) return [line];
  const found: string[] = [];
  for (let start = 0; start < line.length; start += LONGEST_LINE - OVERLAP) {
    found.push(line.slice(start, start + LONGEST_LINE));
    if (start + LONGEST_LINE >= line.length) break;
  }
  return found;
}
