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
  SkillScanDto,
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

/** @throws DomainError `validation` unless exactly one kind was given, and when a file is no text. */
export function toSkillUpload({ files, archive, url, npm, digest }: UploadSkillDto): SkillUpload {
  const given = [files, archive, url, npm].filter((one) => one !== undefined);
  if (given.length !== 1) throw invalid('Give either files or archive, url or npm');
  if (url !== undefined) return { url, digest };
  if (npm !== undefined) return { npm, digest };
  if (digest !== undefined) throw invalid('digest goes with url or npm');
  if (archive !== undefined) return { archive: Buffer.from(archive, 'base64') };
  return { files: Object.entries(files ?? {}).map(toFile) };
}

function toFile([path, content]: [string, unknown]): { path: string; content: string } {
  if (typeof content === 'string') return { path, content };
  throw invalid('files must be texts by path', [
    { path: ['body', 'files'], message: 'must be texts by path', type: 'string_type' },
  ]);
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
    verdict: skill.verdict,
    permissions: {
      network: [...skill.permissions.network],
      read: [...skill.permissions.read],
      write: [...skill.permissions.write],
      env: [...skill.permissions.env],
    },
    requirements: requirementsOf(skill.requirements),
  },
});

export const toSkillScan = (skill: CatalogueSkill): { data: SkillScanDto } => ({
  data: {
    id: skill.id,
    version: skill.version,
    digest: skill.digest,
    securityScore: skill.securityScore,
    verdict: skill.verdict,
    reasons: [...skill.reasons],
    findings: skill.findings.map(({ rule, severity, path, line, excerpt, message }) => ({
      ...{ rule, severity, path, line },
      ...{ excerpt, message },
    })),
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
    verdict: skill.verdict,
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
