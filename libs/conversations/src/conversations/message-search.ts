/** Postgres refuses to index longer texts; what stands behind is not found. */
const INDEXED_CHARS = 200_000;
const SYMBOLS = /[^\p{L}\p{N}\s.,!?'"-]/u;

/** SQL for the searchable words of a text; `simple`, since nobody says in which language agents talk. */
export const searchOf = (text: string): string => `to_tsvector('simple', left(${text}, ${INDEXED_CHARS}))`;

/** The text as a pattern of LIKE that stands for itself. */
export const literalPattern = (text: string): string => `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`;

/** Signs are asked for as they are (`100%`, `a_b`, `SELECT *`): a message that only shares the words is no match. */
export const asksForSigns = (text: string): boolean => SYMBOLS.test(text);

/**
 * SQL that compares the column with a pattern that follows, large and small letters alike: without letters there is nothing to
 * fold, and for plain ones those of other languages need not be known; both take a fraction of the time.
 */
export function comparisonOf(text: string, column: string): string {
  if (text.toLowerCase() === text.toUpperCase()) return `${column} LIKE`;
  return `${column} ${/^\p{ASCII}*$/u.test(text) ? 'COLLATE "C" ' : ''}ILIKE`;
}
