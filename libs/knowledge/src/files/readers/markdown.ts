import { cutText } from '../cut-text.js';
import type { FilePiece } from '../knowledge-file.js';

const HEADING = /^ {0,3}(#{1,6})[ \t]+(\S.*)$/;
const FENCE = /^ {0,3}(```+|~~~+)/;
const LONGEST_PATH = 200;

/** Sections under their headings; a piece never spans two, and says where it stands: `Install > Linux`. */
export function readMarkdown(text: string, most: number): FilePiece[] {
  const pieces: FilePiece[] = [];
  const path: string[] = [];
  let lines: string[] = [];
  const flush = (): void => {
    const heading = path.filter((part) => part !== undefined).join(' > ');
    const place: FilePiece['place'] = heading === '' ? {} : { heading: [...heading].slice(0, LONGEST_PATH).join('') };
    for (const piece of cutText(lines.join('\n'), most)) pieces.push({ text: piece, place });
    lines = [];
  };
  for (const { line, heading } of headingsOf(text)) {
    if (heading) {
      if (lines.some((one) => !HEADING.test(one) && one.trim() !== '')) flush();
      path.length = Math.min(path.length, heading.level - 1);
      path[heading.level - 1] = heading.title;
    }
    lines.push(line);
  }
  flush();
  return pieces;
}

/** Lines, with the heading that one is; in a fenced block none is. */
function* headingsOf(text: string): Generator<{ line: string; heading?: { level: number; title: string } }> {
  let fence: string | undefined;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const sign = FENCE.exec(line)?.[1];
    if (sign !== undefined && fence === undefined) fence = sign;
    else if (sign !== undefined && fence !== undefined && sign.startsWith(fence)) fence = undefined;
    const match = fence === undefined ? HEADING.exec(line) : null;
    yield match ? { line, heading: { level: match[1]!.length, title: titleOf(match[2]!) } } : { line };
  }
}

/** Without the signs that may close it. */
const titleOf = (rest: string): string =>
  rest
    .slice(0, LONGEST_PATH)
    .trimEnd()
    .replace(/[ \t]+#+$/, '');
