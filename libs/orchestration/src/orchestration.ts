export const STRATEGIES = ['parallel', 'sequential', 'hierarchical', 'democratic', 'custom'] as const;
/** How a swarm goes about its goal; `custom` works as `parallel`. */
export type Strategy = (typeof STRATEGIES)[number];

export const TEAM_STATUSES = ['idle', 'running', 'paused', 'stopped', 'failed'] as const;
export type TeamStatus = (typeof TEAM_STATUSES)[number];

/** A swarm as a team with a goal. */
export interface Team {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly strategy: Strategy;
  readonly goal: string | null;
  readonly status: TeamStatus;
  /** In the order in which they were made. */
  readonly agentIds: readonly string[];
  readonly userId: string | null;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly errorMessage: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly startedAt: Date | null;
  readonly pausedAt: Date | null;
  readonly stoppedAt: Date | null;
}

export interface CreateTeam {
  readonly name: string;
  readonly strategy: Strategy;
  readonly description?: string | undefined;
  readonly goal?: string | undefined;
  readonly agentIds?: readonly string[] | undefined;
  readonly configuration?: Readonly<Record<string, unknown>> | undefined;
}

/** What is left out stays. */
export interface UpdateTeam {
  readonly name?: string | undefined;
  readonly strategy?: Strategy | undefined;
  readonly description?: string | undefined;
  readonly goal?: string | undefined;
  readonly configuration?: Readonly<Record<string, unknown>> | undefined;
}

export interface ListTeams {
  readonly status?: TeamStatus | undefined;
  readonly limit: number;
  readonly offset: number;
}

export type StepKind = 'work' | 'plan' | 'review' | 'proposal' | 'vote';
export type StepStatus = 'ready' | 'running' | 'completed' | 'failed';
export type TeamRunStatus = 'running' | 'completed' | 'failed';

/** One agent's turn in a run. */
export interface TeamStep {
  readonly id: string;
  readonly runId: string;
  readonly agentId: string;
  readonly kind: StepKind;
  /** From 0. */
  readonly round: number;
  readonly position: number;
  readonly prompt: string;
  readonly status: StepStatus;
  readonly attempts: number;
  readonly output: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicroUsd: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** A swarm's work on its goal, from start to result. */
export interface TeamRun {
  readonly id: string;
  readonly swarmId: string;
  readonly strategy: Strategy;
  readonly status: TeamRunStatus;
  readonly result: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly startedBy: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly steps: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicroUsd: number;
}

/** Bounds of one run, from the swarm's configuration. */
export interface RunLimits {
  /** Rounds of a hierarchical run. */
  readonly maxRounds: number;
  readonly maxSteps: number;
  /** Prompt and answer of all steps together. */
  readonly maxTokens: number;
  /** Which agent leads a hierarchical run; the first unless given. */
  readonly leadAgentId: string | undefined;
}
