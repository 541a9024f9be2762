import { DomainError } from '#libs/kernel';

const SEGMENT = /^[a-z0-9][a-z0-9._-]{0,199}$/;
const MOST_KEY_CHARACTERS = 900;

/** @throws DomainError `validation` for a key that is not plain segments between slashes. */
export function checkKey(key: string): void {
  if (key.length > MOST_KEY_CHARACTERS || !key.split('/').every((segment) => SEGMENT.test(segment))) throw bad('key');
}

/** A prefix ends in a slash. @throws DomainError `validation`; also for the empty one unless `orEmpty`. */
export function checkPrefix(prefix: string, orEmpty = false): void {
  if (prefix === '' && orEmpty) return;
  if (!prefix.endsWith('/')) throw bad('prefix');
  checkKey(prefix.slice(0, -1));
}

const bad = (what: string): DomainError =>
  new DomainError('validation', 'storage_key', `A storage ${what} is made of plain lower-case segments and slashes`);
