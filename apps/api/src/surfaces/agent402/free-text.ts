import { Transform } from 'class-transformer';
import sanitizeHtml from 'sanitize-html';

const NO_HTML = { allowedTags: [], allowedAttributes: {} };

/** What removing a tag puts together (`<<b>script>`) is a tag again; text nested deeper than this loses the rest of its `<`. */
const MOST_PASSES = 5;

/**
 * Text without HTML: no tags, comments, scripts or styles. Everything else stays as it was typed, `a < b & c` and entities
 * included, and U+0000 and halves of surrogate pairs, which Postgres can't hold, become U+FFFD.
 */
export function withoutHtml(text: string): string {
  let plain = text.replace(/[\0\p{Surrogate}]/gu, '\uFFFD');
  for (let pass = 0, before = ''; pass < MOST_PASSES && plain !== before; pass += 1) {
    before = plain;
    plain = stripOnce(before);
  }
  return plain.replace(/<+(?=[a-z/!?])/gi, '');
}

/** Ampersands are escaped beforehand, so that the library neither reads nor writes entities of the text's own. */
const stripOnce = (text: string): string =>
  sanitizeHtml(text.replaceAll('&', '&amp;'), NO_HTML)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

const plain = (value: unknown): unknown => {
  if (typeof value === 'string') return withoutHtml(value).trim();
  return Array.isArray(value) ? value.map(plain) : value;
};

/**
 * Free text of a body, or a list of it: HTML is stripped and the ends are trimmed before the length is checked, so that
 * what is empty without its tags counts as empty.
 */
export const FreeText = (): PropertyDecorator => Transform(({ value }: { value: unknown }) => plain(value));
