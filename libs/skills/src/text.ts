import { badSkill } from './skills.errors.js';

/** Bytes of a skill's file as text. @throws DomainError `validation` when they are none. */
export function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badSkill('has a file that is no text');
  }
}
