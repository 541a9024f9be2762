import type { Page } from '#libs/kernel';
import type { DisabledDigest, SwitchReach } from '#libs/skills';
import { type AgentoPage, agentoPage, isoTime } from '../agento.paging.js';
import type { DisabledSkillDto, DisabledSkillsQuery, EnabledSkillDto } from './disabled-skills.dto.js';

const PAGE_SIZE = 20;
const LARGEST_PAGE = 100;

interface Window {
  readonly limit: number;
  readonly offset: number;
}

export function toWindow({ page = 1, pageSize = PAGE_SIZE }: DisabledSkillsQuery): Window {
  const limit = Math.min(pageSize, LARGEST_PAGE);
  return { limit, offset: (page - 1) * limit };
}

export const toReach = ({ everywhere = false }: { readonly everywhere?: boolean }): SwitchReach => ({ everywhere });

/** An operator is not named to others: `operator` stands for whoever disabled it for all. */
const disabledOf = ({ digest, orgId, reason, disabledBy, createdAt }: DisabledDigest): DisabledSkillDto => ({
  digest,
  reason,
  everywhere: orgId === null,
  disabledBy: orgId === null ? 'operator' : disabledBy,
  disabledAt: isoTime(createdAt),
});

export const toDisabledSkills = (page: Page<DisabledDigest>, window: Window): AgentoPage<DisabledSkillDto> =>
  agentoPage(page, disabledOf, window);

export const toDisabledSkill = (disabled: DisabledDigest): { data: DisabledSkillDto } => ({
  data: disabledOf(disabled),
});

export const toEnabledSkill = (digest: string): { data: EnabledSkillDto } => ({ data: { digest, enabled: true } });
