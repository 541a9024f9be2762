import { type FieldIssue, invalid } from '#libs/kernel';

const LONGEST_NAME = 255;
const LONGEST_DESCRIPTION = 2_000;
const LONGEST_ICON = 100;
const LONGEST_SLUG = 60;
/** Line breaks and tabs are text; the other control characters are not. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/;

/** Trims it. @throws DomainError `validation`. */
export function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed.length >= 1 && trimmed.length <= LONGEST_NAME && !/\p{Cc}/u.test(trimmed)) return trimmed;
  throw wrong('name', `must be 1 to ${LONGEST_NAME} characters without control characters`);
}

/** Null and empty mean none. @throws DomainError `validation`. */
export const checkedDescription = (text: string | null): string | null =>
  checkedText('description', text, LONGEST_DESCRIPTION);

/** Null and empty mean none. @throws DomainError `validation`. */
export const checkedIcon = (text: string | null): string | null => checkedText('icon', text, LONGEST_ICON);

function checkedText(field: string, text: string | null, longest: number): string | null {
  if (text === null || text === '') return null;
  if (text.length <= longest && !CONTROL.test(text)) return text;
  throw wrong(field, `must be at most ${longest} characters without control characters`);
}

/** Lower-case words of a name joined by hyphens; `swarm` where nothing is left of it. */
export function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, LONGEST_SLUG)
    .replace(/^-+|-+$/g, '');
  return words || 'swarm';
}

/** The slug itself, else with the first suffix from `-2` on that is not taken. */
export function freeSlug(slug: string, taken: ReadonlySet<string>): string {
  let candidate = slug;
  for (let n = 2; taken.has(candidate); n += 1) candidate = `${slug}-${n}`;
  return candidate;
}

function wrong(field: string, message: string): Error {
  const issue: FieldIssue = { path: ['body', field], message, type: 'invalid' };
  return invalid(`${field} ${message}`, [issue]);
}
