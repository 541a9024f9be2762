import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const IMAGE_NAMES = ['usual', 'next', 'broken', 'absent'] as const;
/** Images of the process runtime: what new agents get, the same elsewhere, one that ends at once, and one that is not there. */
export type ImageName = (typeof IMAGE_NAMES)[number];

/** What agents are shown to have, by what they stand for here. */
export type Images = Readonly<Record<ImageName, string>>;

/** Those on which no agent gets well: each goes back. */
export const isUnwell = (images: Images, image: string): boolean => image === images.broken || image === images.absent;

export function makeImages(folder: string): Images {
  const at = (name: ImageName): string => join(folder, name);
  mkdirSync(folder, { mode: 0o755 });
  cpSync(join(process.cwd(), 'dist/agent'), at('next'), { recursive: true });
  mkdirSync(at('broken'));
  writeFileSync(join(at('broken'), 'main.js'), 'process.exit(3);');
  chmodSync(folder, 0o755);
  return { usual: 'the-house-agent', next: at('next'), broken: at('broken'), absent: at('absent') };
}
