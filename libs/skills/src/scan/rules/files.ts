import type { Finding, Severity, SkillFile } from '../scan.types.js';

/** Limits beyond which nobody reviews a skill. */
const LARGE_FILE = 1024 * 1024;
const LARGE_SKILL = 10 * 1024 * 1024;
const MANY_FILES = 500;
const MOST_A_RULE = 10;

const PROGRAMS: readonly (readonly number[])[] = [
  [0x7f, 0x45, 0x4c, 0x46], // ELF
  [0x4d, 0x5a], // Windows
  [0xfe, 0xed, 0xfa, 0xce],
  [0xfe, 0xed, 0xfa, 0xcf],
  [0xcf, 0xfa, 0xed, 0xfe],
  [0xce, 0xfa, 0xed, 0xfe],
  [0xca, 0xfe, 0xba, 0xbe], // Java, macOS
  [0x00, 0x61, 0x73, 0x6d], // WebAssembly
];
const ARCHIVES: readonly (readonly number[])[] = [
  [0x50, 0x4b, 0x03, 0x04], // zip, also Office and jar
  [0x1f, 0x8b],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a],
  [0x42, 0x5a, 0x68],
  [0x37, 0x7a, 0xbc, 0xaf],
  [0x52, 0x61, 0x72, 0x21],
  [0x28, 0xb5, 0x2f, 0xfd],
];
const MEDIA = /\.(png|jpe?g|gif|webp|avif|ico|bmp|tiff?|pdf|ttf|otf|woff2?|mp3|mp4|wav|ogg|webm|sqlite|parquet)$/i;
const COMPILED = /\.(pyc|pyo|class|so|dylib|dll|exe|node|o|a|jar|apk|msi|deb|rpm)$/i;
const STARTUP =
  /(^|\/)(\.bashrc|\.zshrc|\.profile|\.bash_profile|\.npmrc|\.yarnrc(\.yml)?|\.pypirc|pip\.conf|\.gitconfig|\.gitmodules|\.gitattributes|sitecustomize\.py|usercustomize\.py|conftest\.py|[^/]+\.pth|\.envrc)$/i;

type Add = (rule: string, severity: Severity, path: string, message: string) => void;

/** What files are, before their text is read. `texts` holds the paths of those that are text. */
export function fileFindings(files: readonly SkillFile[], texts: ReadonlyMap<string, string>): Finding[] {
  const found: Finding[] = [];
  const add: Add = (rule, severity, path, message) => {
    if (found.filter((finding) => finding.rule === rule).length >= MOST_A_RULE) return;
    found.push({ rule, severity, path: shown(path), line: 0, excerpt: '', message });
  };
  const names = new Set<string>();
  let bytes = 0;
  for (const file of files) {
    bytes += file.content.length;
    pathFindings(file, names, add);
    if (file.linkTarget === undefined) contentFindings(file, texts, add);
  }
  if (files.length > MANY_FILES) add('too-many-files', 'medium', 'SKILL.md', `Has ${files.length} files`);
  if (bytes > LARGE_SKILL) add('oversized', 'medium', 'SKILL.md', `Has ${Math.round(bytes / 1_048_576)} MiB in all`);
  return found;
}

function pathFindings(file: SkillFile, names: Set<string>, add: Add): void {
  const { path } = file;
  const parts = path.split('/');
  if (leavesFolder(path)) add('path-escape', 'critical', path, 'Has a path that leads out of the folder of the skill');
  if (/[\p{Cc}\p{Cf}\u{2028}\u{2029}]/u.test(path) || parts.some((part) => /[. ]$/.test(part) || part === '')) {
    add('deceptive-name', 'high', path, 'Has a name with characters that are not seen, or that systems drop');
  }
  linkFindings(file, add);
  const folded = path.normalize('NFKC').toLowerCase();
  if (names.has(folded)) {
    add('same-name', 'high', path, 'Has the same name as another file on systems that do not tell case');
  }
  names.add(folded);
  if (parts.slice(0, -1).some((part) => part === '.git' || part === '__pycache__')) {
    add('tool-folder', 'high', path, 'Lies in a folder from which tools run code by themselves');
  } else if (STARTUP.test(path)) {
    add('startup-file', 'high', path, 'Is a file that shells or tools run or read by themselves');
  }
}

function linkFindings({ path, linkTarget }: SkillFile, add: Add): void {
  if (linkTarget === undefined) return;
  if (leavesFolder(linkTarget)) add('link', 'critical', path, 'Is a link that leads out of the folder, not a file');
  else add('link', 'high', path, 'Is a link, not a file');
}

const leavesFolder = (path: string): boolean =>
  path === '' || path.startsWith('/') || /^[a-z]:/i.test(path) || path.includes('\\') || path.split('/').includes('..');

function contentFindings({ path, content }: SkillFile, texts: ReadonlyMap<string, string>, add: Add): void {
  if (content.length > LARGE_FILE) {
    add('oversized', 'medium', path, `Has ${Math.round(content.length / 1024)} KiB, of which only a part is read`);
  }
  const text = texts.get(path);
  if (text !== undefined) {
    if (text.startsWith('#!') && MEDIA.test(path))
      add('disguised-file', 'critical', path, 'Is a program with the name of a picture or document');
    return;
  }
  const bytes = typeof content === 'string' ? Buffer.from(content.slice(0, 16), 'latin1') : content;
  const starts = (signs: readonly (readonly number[])[]): boolean =>
    signs.some((sign) => sign.every((byte, index) => bytes[index] === byte));
  if (starts(PROGRAMS) || COMPILED.test(path))
    add('compiled-program', 'critical', path, 'Is a compiled program, which nobody can review');
  else if (starts(ARCHIVES)) add('nested-archive', 'high', path, 'Is an archive, whose content is not looked at');
  else if (!MEDIA.test(path)) add('unknown-binary', 'medium', path, 'Is no text, and no picture, font or document');
}

const shown = (path: string): string =>
  path
    .slice(0, 300)
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
