import type { SkillRequirements } from '../requirements.js';
import type { ManifestEntry } from '../skill-contents.repository.js';
import type { SkillPermissions } from '../skill.js';

/** What becomes of one file. */
export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Null when it was not there. */
  readonly bytesBefore: number | null;
  /** Null when it is there no more. */
  readonly bytesAfter: number | null;
}

/** One thing more or less that a skill may do or needs. */
export interface DeclaredChange {
  /** `permissions.network`, `requirements.npm`, … */
  readonly what: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

type Lists = Readonly<Record<string, readonly string[]>>;

/** What a content declares. */
export interface Declared {
  readonly permissions: SkillPermissions;
  readonly requirements: SkillRequirements;
}

/** Files that differ, in the order of their paths. */
export function fileChanges(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): FileChange[] {
  const [old, present] = [byPath(before), byPath(after)];
  return [...new Set([...old.keys(), ...present.keys()])].sort().flatMap((path): FileChange[] => {
    const [was, is] = [old.get(path), present.get(path)];
    if (was?.sha256 === is?.sha256) return [];
    const change = !was ? 'added' : !is ? 'removed' : 'changed';
    return [{ path, change, bytesBefore: was?.bytes ?? null, bytesAfter: is?.bytes ?? null }];
  });
}

/** Only what differs. */
export const declaredChanges = (before: Declared, after: Declared): DeclaredChange[] => [
  ...listChanges('permissions', before.permissions, after.permissions),
  ...listChanges('requirements', before.requirements, after.requirements),
];

function listChanges<T extends object>(group: string, before: T, after: T): DeclaredChange[] {
  const [old, present] = [before as Lists, after as Lists];
  return Object.keys(present).flatMap((name) => {
    const [was, is] = [old[name] ?? [], present[name] ?? []];
    const added = is.filter((item) => !was.includes(item));
    const removed = was.filter((item) => !is.includes(item));
    return added.length + removed.length === 0 ? [] : [{ what: `${group}.${name}`, added, removed }];
  });
}

const byPath = (manifest: readonly ManifestEntry[]): Map<string, ManifestEntry> =>
  new Map(manifest.map((entry) => [entry.path, entry]));
