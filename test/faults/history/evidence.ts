import type { Operation } from './history.js';
import type { Images } from './images.js';

/** A row of `agents`, when everything has come to rest. Deleted ones have a row too. */
export interface AgentFact {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly desired: 'running' | 'stopped' | 'deleted';
  readonly isPaused: boolean;
  readonly value: string | null;
  readonly image: string;
  /** What it goes back to while it is not known whether it is well on `image`. */
  readonly previousImage: string | null;
  /** Neither a restart, a repair, a reset of the memory nor an update of the image is left to do. */
  readonly isDone: boolean;
  readonly lastError: string | null;
  readonly events: number;
  /** Things of it that deletion has to take away: rows, folders, ports, users. */
  readonly keeps: readonly string[];
  /** How many of the tokens that its instances were given still open the edge. */
  readonly openTokens: number;
  /** Processes that run for it. */
  readonly pids: readonly number[];
  /** Answers to a last `look`. */
  readonly status404: boolean;
}

export interface EventFact {
  readonly agentId: string;
  readonly seq: number;
  readonly type: string;
  readonly data: {
    readonly from?: string | null;
    readonly to?: string;
    readonly cause?: string;
    readonly fields?: string[];
    /** Of `agent.image`. */
    readonly outcome?: 'wanted' | 'done' | 'returned';
    readonly image?: string;
    readonly previousImage?: string | null;
  };
}

export interface RunFact {
  readonly id: string;
  readonly agentId: string;
  readonly status: string;
  /** User's messages and replies, without those that are empty. */
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

/** An agent as it was at one moment of the run, in the order in which it was read. */
export interface Sighting {
  readonly agentId: string;
  readonly epoch: number;
  readonly instanceEpoch: number | null;
  readonly status: string;
}

/** Processes of one agent that lived at the same moment. */
export interface Doubled {
  readonly agentId: string;
  readonly pids: readonly number[];
}

/** All that is known about a run of the history checker. */
export interface Evidence {
  readonly images: Images;
  readonly operations: readonly Operation[];
  readonly agents: readonly AgentFact[];
  readonly events: readonly EventFact[];
  readonly runs: readonly RunFact[];
  readonly sightings: readonly Sighting[];
  readonly doubled: readonly Doubled[];
  /** Agents of processes, folders, ports or users that no row names. */
  readonly strays: readonly string[];
  readonly failedJobsWithoutCause: readonly string[];
  /** What `audit:verify` complains about. */
  readonly auditProblems: readonly string[];
}
