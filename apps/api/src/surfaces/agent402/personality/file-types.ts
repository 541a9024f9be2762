import { PERSONALITY_FILES, type PersonalityFile } from '#libs/agents';
import { DomainError } from '#libs/kernel';

/** What the contract calls the files: `soul` is SOUL.md. */
export const FILE_TYPES = ['soul', 'agents', 'tools', 'identity', 'user', 'bootstrap', 'heartbeat', 'memory'] as const;
export type FileType = (typeof FILE_TYPES)[number];

export const typeOfFile = (path: string): FileType | undefined =>
  FILE_TYPES.find((type) => path === `${type.toUpperCase()}.md`);

/** @throws DomainError code `bad_request` for a type that there is not. */
export function fileOfType(type: string): PersonalityFile {
  const path = PERSONALITY_FILES.find((file) => file === `${type.toUpperCase()}.md` && type === type.toLowerCase());
  if (path) return path;
  const message = `Unknown file type; it must be one of ${FILE_TYPES.join(', ')}`;
  throw new DomainError('validation', 'bad_request', message);
}
