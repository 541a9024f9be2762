import type { SkillUpdate } from '#libs/skills';
import type { SkillUpdateDto } from './skill-updates.dto.js';

export const toSkillUpdate = ({
  installed,
  latest,
  isAvailable,
  files,
  declared,
}: SkillUpdate): { data: SkillUpdateDto } => ({
  data: {
    skillId: installed.skillId,
    installedVersion: installed.version,
    installedDigest: installed.digest,
    latestVersion: latest.version,
    latestDigest: latest.digest,
    isAvailable,
    verdict: latest.verdict,
    securityScore: latest.securityScore,
    files: files.map(({ path, change, bytesBefore, bytesAfter }) => ({ path, change, bytesBefore, bytesAfter })),
    declared: declared.map(({ what, added, removed }) => ({ what, added: [...added], removed: [...removed] })),
  },
});
