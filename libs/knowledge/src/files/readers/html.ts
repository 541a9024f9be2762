import { convert } from 'html-to-text';
import { cutText } from '../cut-text.js';
import type { FilePiece } from '../knowledge-file.js';

const DEEPEST = 300;
const LONGEST_TITLE = 200;
/** Between the columns of a table. */
const PADDING = /(?<=\S) {3,}/g;
const plain = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } }));
const unsaid = ['title', 'img', 'script', 'style', 'nav', 'template', 'noscript', 'svg'].map((selector) => ({
  selector,
  format: 'skip',
}));

/** What a reader of the page sees, without pictures and navigation. Pieces carry the page's title. */
export function readHtml(html: string, most: number): FilePiece[] {
  const text = convert(html, {
    wordwrap: false,
    limits: { maxDepth: DEEPEST, maxInputLength: html.length },
    selectors: [
      ...plain,
      ...unsaid,
      { selector: 'a', options: { ignoreHref: true } },
      { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
    ],
  });
  const title = titleOf(html);
  const place: FilePiece['place'] = title === '' ? {} : { title };
  return cutText(text.replace(PADDING, '  '), most).map((piece) => ({ text: piece, place }));
}

function titleOf(html: string): string {
  const raw = /<title[^>]*>([^<]{0,2000})<\/title>/i.exec(html)?.[1] ?? '';
  const text = convert(raw, { wordwrap: false, baseElements: { selectors: [] } }).replace(/\s+/g, ' ');
  return [...text.trim()].slice(0, LONGEST_TITLE).join('');
}
