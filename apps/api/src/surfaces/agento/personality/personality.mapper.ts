import type { AgentFile, FileVersion, WrittenFile } from '#libs/agents';
import { isoTime, isoTimeOrNull } from '../agento.paging.js';
import type {
  PersonalityAtVersionDto,
  PersonalityDto,
  PersonalityVersionDto,
  WrittenPersonalityDto,
} from './personality.dto.js';

export const toPersonality = ([soul, identity]: readonly [AgentFile, AgentFile]): { data: PersonalityDto } => ({
  data: {
    soulMd: soul.content,
    identityMd: identity.content,
    soulMdHash: soul.sha256,
    soulMdUpdatedAt: isoTimeOrNull(soul.updatedAt),
  },
});

export const toWrittenPersonality = ({ file, needsRestart }: WrittenFile): { data: WrittenPersonalityDto } => ({
  data: {
    soulMd: file.content,
    soulMdHash: file.sha256,
    soulMdUpdatedAt: isoTimeOrNull(file.updatedAt),
    needsRestart,
  },
});

export const toPersonalityVersion = (version: FileVersion): PersonalityVersionDto => ({
  version: version.version,
  soulMdHash: version.sha256,
  size: version.sizeBytes,
  updatedAt: isoTime(version.updatedAt),
  updatedBy: version.updatedBy,
  isCurrent: version.isCurrent,
});

export const toPersonalityAtVersion = (file: AgentFile): { data: PersonalityAtVersionDto } => ({
  data: {
    version: file.version,
    soulMd: file.content,
    soulMdHash: file.sha256,
    soulMdUpdatedAt: isoTimeOrNull(file.updatedAt),
  },
});
