import type { ErrorCategory } from './agent.js';

/** Kind of an agent's events in the event log. */
export const AGENT_EVENTS = 'agent';

/** Types in the event log. `status` events are the transitions that `why` shows. */
export const AgentEvent = {
  status: 'agent.status',
  updated: 'agent.updated',
  egressRefused: 'agent.egress_refused',
  files: 'agent.files',
  skillSwitched: 'agent.skill_switched',
  image: 'agent.image',
} as const;

/** Data of an `agent.status` event; dates are ISO text. */
export interface StatusEventData {
  readonly from: string | null;
  readonly to: string;
  readonly cause: string;
  readonly attempt?: number;
  readonly nextRetryAt?: string | null;
  readonly category?: string;
  readonly error?: string;
}

/** Data of an `agent.egress_refused` event: the first refusal of a host within some minutes. */
export interface RefusedHostData {
  /** Null: more hosts were refused than are written down. */
  readonly host: string | null;
  readonly port: number | null;
  readonly reason: RefusalReason;
}

/** Not approved, approved for other ports only, or on an address that is not public. */
export type RefusalReason = 'host_not_approved' | 'port_not_approved' | 'address_refused';

/** Data of an `agent.skill_switched` event: a content that the agent has was disabled, or may be used again. */
export interface SkillSwitchData {
  readonly skillId: string;
  readonly digest: string;
  readonly isEnabled: boolean;
  /** Why it was disabled; null when it may be used again. */
  readonly reason: string | null;
}

/** Data of an `agent.image` event: a step of an update from one image to another. */
export interface ImageUpdateData {
  /** Somebody asked for it; the agent proved well on it; it did not, and goes back to the previous one. */
  readonly outcome: 'wanted' | 'done' | 'returned';
  readonly image: string;
  readonly previousImage: string;
  /** Of the image that the agent runs from then on; null while nobody knows. */
  readonly imageId: string | null;
  /** Why it goes back. */
  readonly category?: ErrorCategory;
  readonly error?: string;
}

/** Data of an `agent.files` event: what became of storing the files that the agent wrote. */
export interface FilesEventData {
  readonly outcome: 'failed' | 'incomplete' | 'recovered' | 'restored';
  readonly code?: string;
  readonly error?: string;
  /** Paths that were not stored as they are, at most ten. */
  readonly leftOut?: readonly string[];
  readonly files?: number;
  readonly bytes?: number;
}
