import { type Page, invalid } from '#libs/kernel';
import type {
  AgentSkill,
  CatalogueSkill,
  InstalledSkill,
  SearchSkills,
  SkillInstall,
  SkillRequirements,
  SkillUpload,
} from '#libs/skills';
import { type AgentoPage, agentoPage, isoTime } from '../agento.paging.js';
import type {
  AgentSkillDetailsDto,
  AgentSkillDto,
  DeletedSkillDto,
  InstalledSkillDto,
  SearchSkillsQuery,
  SkillDetailsDto,
  SkillInstallDto,
  SkillRequirementsDto,
  SkillSummaryDto,
  UninstalledSkillDto,
  UploadSkillDto,
} from './skills.dto.js';

const PAGE_SIZE = 20;
const LARGEST_PAGE = 100;

export function toSearchSkills({ search, category, page = 1, pageSize = PAGE_SIZE }: SearchSkillsQuery): SearchSkills {
  const limit = Math.min(pageSize, LARGEST_PAGE);
  const wanted = { ...(search?.trim() ? { search } : {}), ...(category ? { category } : {}) };
  return { ...wanted, limit, offset: (page - 1) * limit };
}

/** @throws DomainError `validation` when neither or both were given, or a file is no text. */
export function toSkillUpload({ files, archive }: UploadSkillDto): SkillUpload {
  if ((files === undefined) === (archive === undefined)) throw invalid('Give either files or archive');
  if (archive !== undefined) return { archive: Buffer.from(archive, 'base64') };
  const given = Object.entries(files ?? {}).map(([path, content]) => {
    if (typeof content === 'string') return { path, content };
    throw invalid('files must be texts by path', [
      { path: ['body', 'files'], message: 'must be texts by path', type: 'string_type' },
    ]);
  });
  return { files: given };
}

const summaryOf = (skill: CatalogueSkill): SkillSummaryDto => ({
  id: skill.id,
  name: skill.name,
  description: skill.description,
  author: skill.author,
  category: skill.category,
  installCount: skill.installCount,
  latestVersion: skill.version,
  securityScore: skill.securityScore,
});

export const toSkillPage = (page: Page<CatalogueSkill>, query: SearchSkills): AgentoPage<SkillSummaryDto> =>
  agentoPage(page, summaryOf, query);

export const toSkillDetails = (skill: CatalogueSkill): { data: SkillDetailsDto } => ({
  data: {
    ...summaryOf(skill),
    enhancedDescription: skill.enhancedDescription,
    tags: [...skill.tags],
    useCases: [...skill.useCases],
    toolCount: skill.toolCount,
    trustLevel: skill.trustLevel,
    digest: skill.digest,
    permissions: {
      network: [...skill.permissions.network],
      read: [...skill.permissions.read],
      write: [...skill.permissions.write],
      env: [...skill.permissions.env],
    },
    requirements: requirementsOf(skill.requirements),
  },
});

const requirementsOf = ({ bins, env, npm, pip, go, apt, manual }: SkillRequirements): SkillRequirementsDto => ({
  bins: [...bins],
  env: [...env],
  packages: { npm: [...npm], pip: [...pip], go: [...go], apt: [...apt] },
  manual: [...manual],
});

export const toDeletedSkill = (id: string): { data: DeletedSkillDto } => ({ data: { id, deleted: true } });

const installedOf = ({ id, skillId, name, version, trustLevel, isEnabled }: InstalledSkill) => ({
  id,
  skillId,
  name,
  installedVersion: version,
  trustLevel,
  isEnabled,
});

export const toAgentSkills = (skills: readonly InstalledSkill[]): AgentoPage<AgentSkillDto> =>
  agentoPage({ items: skills, total: skills.length }, (skill) => ({
    ...installedOf(skill),
    installedAt: isoTime(skill.installedAt),
  }));

export const toAgentSkill = ({ skill, install }: AgentSkill): { data: AgentSkillDetailsDto } => ({
  data: {
    ...installedOf(skill),
    installedAt: isoTime(skill.installedAt),
    digest: skill.digest,
    manual: [...skill.manual],
    disabledAt: skill.disabledAt && isoTime(skill.disabledAt),
    install: install ? toInstall(install) : null,
  },
});

const toInstall = ({
  state,
  step,
  progress,
  attempts,
  nextAttemptAt,
  error,
  finishedAt,
}: SkillInstall): SkillInstallDto => ({
  state,
  step,
  progress,
  attempts,
  nextAttemptAt: nextAttemptAt && isoTime(nextAttemptAt),
  error: error && { code: error.code, message: error.message },
  finishedAt: finishedAt && isoTime(finishedAt),
});

export const toInstalledSkill = (installed: AgentSkill): { data: InstalledSkillDto } => ({
  data: { ...installedOf(installed.skill), needsRestart: installed.needsRestart },
});

export const toUninstalledSkill = (
  skillId: string,
  { needsRestart }: { readonly needsRestart: boolean },
): { data: UninstalledSkillDto } => ({ data: { skillId, uninstalled: true, needsRestart } });
