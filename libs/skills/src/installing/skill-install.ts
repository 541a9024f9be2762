import { DomainError, type ErrorKind } from '#libs/kernel';
import type { TrustLevel } from '../skill.js';

/** What an installation does, in this order. */
export const INSTALL_STEPS = [
  'queued',
  'fetching',
  'verifying',
  'scanning',
  'building',
  'placing',
  'finished',
] as const;
export type InstallStep = (typeof INSTALL_STEPS)[number];

/** `pending`: waits for its host or its next attempt; `done` and `failed` are its end. */
export type InstallState = 'pending' | 'running' | 'done' | 'failed';

/** Percent of the work that lies behind when a step begins. */
export const PROGRESS: Readonly<Record<InstallStep, number>> = {
  queued: 0,
  fetching: 5,
  verifying: 35,
  scanning: 45,
  building: 55,
  placing: 85,
  finished: 100,
};

/** What an agent had before an update, to come back to. */
export interface FormerSkill {
  readonly skillKey: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  /** That were approved for it. */
  readonly hosts: readonly string[];
}

/** The installation of one content on one agent: work for the agent's host. */
export interface SkillInstall {
  readonly id: string;
  readonly agentId: string;
  readonly skillId: string;
  readonly name: string;
  readonly trustLevel: TrustLevel;
  readonly version: string;
  readonly digest: string;
  /** Null unless it replaces another content. */
  readonly former: FormerSkill | null;
  readonly state: InstallState;
  readonly step: InstallStep;
  /** 0 to 100. */
  readonly progress: number;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly error: InstallError | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface InstallError {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
}

/** An installation as the worker holds it, read under the claim `epoch`. */
export interface ClaimedInstall extends SkillInstall {
  readonly orgId: string;
  readonly skillKey: string;
  readonly requestedBy: string;
  readonly epoch: number;
}

export const isOpen = ({ state }: Pick<SkillInstall, 'state'>): boolean => state === 'pending' || state === 'running';

/** Another worker took the installation, or its owner called it off: nothing more is written under this claim. */
export class InstallLostError extends Error {
  constructor(installId: string) {
    super(`The installation ${installId} is no longer ours`);
    this.name = 'InstallLostError';
  }
}

const MOST_MESSAGE_CHARACTERS = 500;

/** What is kept of a failure, and told. */
export const installError = (error: unknown): InstallError =>
  error instanceof DomainError
    ? { kind: error.kind, code: error.code, message: error.message.slice(0, MOST_MESSAGE_CHARACTERS) }
    : { kind: 'internal', code: 'install_failed', message: 'The skill could not be installed' };

const MAY_PASS: ReadonlySet<ErrorKind> = new Set(['upstream_failed', 'unavailable', 'no_capacity', 'internal']);

/** Failures that another attempt may not meet. */
export const mayPass = (error: unknown): boolean => !(error instanceof DomainError) || MAY_PASS.has(error.kind);
