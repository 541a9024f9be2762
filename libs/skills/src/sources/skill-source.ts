import type { SkillFile } from '../skill.js';

/** Where a skill of the catalogue comes from. `upload`: it was given to us and lies nowhere else. */
export type SkillOrigin =
  | { readonly kind: 'upload' }
  | { readonly kind: 'verified'; readonly id: string }
  | { readonly kind: 'folder'; readonly id: string }
  | { readonly kind: 'npm'; readonly name: string; readonly version: string }
  | { readonly kind: 'archive'; readonly url: string };

export type OriginOf<K extends SkillOrigin['kind']> = Extract<SkillOrigin, { readonly kind: K }>;

/** One kind of place that skills come from. Everything that comes from it is unpacked and bounded, and not trusted. */
export interface SkillSource<K extends SkillOrigin['kind'] = SkillOrigin['kind']> {
  readonly kind: K;
  /**
   * The files of a skill, not parsed yet.
   * @throws DomainError `validation` for what is no skill's folder or too large; `not_found` when the source has no such thing;
   * `forbidden` or `upstream_failed` when it can't be reached; the signal's reason when it fires
   */
  fetch(origin: OriginOf<K>, signal: AbortSignal): Promise<readonly SkillFile[]>;
}
