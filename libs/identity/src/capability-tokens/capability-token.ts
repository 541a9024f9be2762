import { SCOPES, type ScopeName } from '#libs/kernel';

/** What a peer is let do, as it is stored; the token itself is signed from it and kept nowhere. */
export interface CapabilityToken {
  readonly jti: string;
  readonly peerId: string;
  /** Scopes of the API, and what tasks may ask of a node: `can_execute:<name>`. */
  readonly capabilities: readonly string[];
  readonly maxGpuMinutes: number;
  readonly maxConcurrentTasks: number;
  /** Ids of the agents and swarms it reaches; empty: all. */
  readonly dataScope: readonly string[];
  /** The token this one took the place of. */
  readonly parentJti: string | null;
  readonly issuedAt: Date;
  /** Whole seconds. */
  readonly expiresAt: Date;
}

/** What a piece of work needs. */
export interface CapabilityRequirement {
  readonly capabilities: readonly string[];
  readonly gpuMinutes: number;
  /** Tasks that would run at once, this one included. */
  readonly concurrentTasks: number;
  /** Ids of the agents and swarms it touches. */
  readonly dataScope: readonly string[];
}

/** Why a token does not allow a piece of work. */
export type CapabilityProblem = 'missing_capability' | 'resource_limit' | 'data_scope';

const NAME = /^can_[a-z_]{1,40}:[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;

/** The scopes among a token's capabilities. */
export const scopesAmong = (capabilities: readonly string[]): ScopeName[] =>
  SCOPES.filter((scope) => capabilities.includes(scope));

/** Whether a name is one that a token can carry. */
export const isCapability = (name: string): boolean => (SCOPES as readonly string[]).includes(name) || NAME.test(name);

/** Holds work against a token: what reaches a limit exactly is allowed. @returns undefined when nothing is wrong. */
export function capabilityProblem(
  grant: Pick<CapabilityToken, 'capabilities' | 'maxGpuMinutes' | 'maxConcurrentTasks' | 'dataScope'>,
  need: CapabilityRequirement,
): CapabilityProblem | undefined {
  if (!need.capabilities.every((name) => grant.capabilities.includes(name))) return 'missing_capability';
  if (need.gpuMinutes > grant.maxGpuMinutes || need.concurrentTasks > grant.maxConcurrentTasks) return 'resource_limit';
  const reaches = grant.dataScope.length === 0 || need.dataScope.every((id) => grant.dataScope.includes(id));
  return reaches ? undefined : 'data_scope';
}
