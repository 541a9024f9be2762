import { DomainError, conflict, invalid, notFound } from '#libs/kernel';

/** `reasons`: the scan's, the heaviest first. */
export const skillQuarantined = (reasons: readonly string[]): DomainError =>
  new DomainError(
    'unprocessable',
    'skill_quarantined',
    `The skill is too dangerous to be kept: ${reasons.slice(0, 3).join('; ')}`,
  );

export const skillNotFound = (): DomainError => notFound('Skill');

export const notInstalled = (): DomainError => notFound('Installed skill');

/** `message` is a clause about the skill. */
export const badSkill = (message: string): DomainError =>
  invalid(`The skill ${message}`, [{ path: ['body', 'skill'], message: `The skill ${message}`, type: 'skill' }]);

export const alreadyInstalled = (): DomainError =>
  conflict('skill_installed', 'The agent has a skill of this name already; uninstall it first');

export const skillExists = (id: string): DomainError =>
  conflict('skill_exists', `There is a verified skill called ${id}; choose another name`);

export const versionNotHigher = (version: string): DomainError =>
  conflict('version_not_higher', `The version must be higher than ${version}, which the catalogue has already`);

export const skillInUse = (agents: number): DomainError =>
  conflict('skill_in_use', `${agents} agents have this skill; uninstall it there first`);

export const skillsTooLarge = (): DomainError =>
  conflict('skills_too_large', 'The skills of one agent may have 2000 files and 8 MiB together; uninstall some first');

export const skillLimitReached = (limit: number): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `The plan allows ${limit} skills on an agent`, { limit });

export const customLimitReached = (limit: number): DomainError =>
  new DomainError('plan_limit', 'plan_limit_reached', `An organisation has at most ${limit} skills of its own`, {
    limit,
  });
