import { DomainError, conflict, invalid, notFound } from '#libs/kernel';

/** `reasons`: the scan's, the heaviest first. */
export const skillQuarantined = (reasons: readonly string[]): DomainError =>
  new DomainError(
    'unprocessable',
    'skill_quarantined',
    `The skill is too dangerous to be installed: ${reasons.slice(0, 3).join('; ')}`,
  );

export const skillDisabled = (): DomainError =>
  new DomainError('unprocessable', 'skill_disabled', 'This version of the skill was disabled; no agent may have it');

export const digestNotFound = (): DomainError => notFound('Content of a skill');

export const digestNotDisabled = (): DomainError => notFound('Disabled content of a skill');

export const contentChanged = (): DomainError =>
  new DomainError(
    'unprocessable',
    'skill_content_changed',
    'What the source of the skill gives now is not what its digest in the catalogue says; add it to the catalogue again',
  );

export const skillSourceMissing = (kind: string): DomainError =>
  new DomainError('unprocessable', 'skill_source_missing', `Skills from the source ${kind} can not be fetched here`);

export const installBusy = (): DomainError =>
  conflict('install_under_way', 'The skill is just being installed on the agent; wait until that has ended');

export const skillNotFound = (): DomainError => notFound('Skill');

/** `failure`: what the newest installation of it ended with. */
export const notInstalled = (failure?: string): DomainError => {
  const missing = notFound('Installed skill');
  if (failure === undefined) return missing;
  return new DomainError('not_found', missing.code, `${missing.message}. It was not installed: ${failure}`);
};

/** `message` is a clause about the skill. */
export const badSkill = (message: string): DomainError =>
  invalid(`The skill ${message}`, [{ path: ['body', 'skill'], message: `The skill ${message}`, type: 'skill' }]);

export const alreadyInstalled = (): DomainError =>
  conflict('skill_installed', 'The agent has a skill of this name already; uninstall it first');

export const skillExists = (id: string, level: string): DomainError =>
  conflict('skill_exists', `There is a skill called ${id} of the level ${level}; choose another name`);

export const otherContent = (digest: string): DomainError =>
  new DomainError('unprocessable', 'skill_content_changed', `What is there has another digest: ${digest}`);

export const versionNotHigher = (version: string): DomainError =>
  conflict('version_not_higher', `The version must be higher than ${version}, which the catalogue has already`);

export const versionGoesBack = (installed: string, latest: string): DomainError =>
  conflict('version_not_higher', `The agent has ${installed}, the catalogue ${latest}: an update never goes back`);

export const skillChangedMeanwhile = (digest: string): DomainError =>
  conflict(
    'skill_changed',
    `The catalogue has another content now, with the digest ${digest}; look at what it changes`,
  );

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
