/** How often an agent may be woken, in seconds, by the name of the interval. */
export const HEARTBEAT_INTERVALS = { '5m': 300, '15m': 900, '30m': 1_800, '1h': 3_600, '2h': 7_200 } as const;
export type HeartbeatInterval = keyof typeof HEARTBEAT_INTERVALS;

export const MOST_CHECKS = 50;
/** Characters. */
export const MOST_CHECK_LENGTH = 500;

/** Whether, how often and with what an agent is woken. */
export interface HeartbeatSettings {
  readonly enabled: boolean;
  readonly interval: HeartbeatInterval;
  readonly checklist: readonly string[];
  /** When the last one began. */
  readonly lastAt: Date | null;
  /** Null unless enabled. */
  readonly nextAt: Date | null;
}

export const NO_HEARTBEAT: HeartbeatSettings = {
  enabled: false,
  interval: '30m',
  checklist: [],
  lastAt: null,
  nextAt: null,
};

/** What is left out stays as it is. */
export type HeartbeatChange = Partial<Pick<HeartbeatSettings, 'enabled' | 'interval' | 'checklist'>>;

export const EXECUTION_STATUSES = ['pending', 'running', 'completed', 'failed', 'skipped'] as const;
/** `running` is left once; `pending` is never written: what is due is claimed and begun in one statement. */
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** One time that an agent went through its checklist. */
export interface HeartbeatExecution {
  readonly id: string;
  readonly orgId: string;
  readonly agentId: string;
  /** The slot it was due at; of a manual one, when it was asked for. Unique to the agent. */
  readonly dueAt: Date;
  readonly isManual: boolean;
  readonly status: ExecutionStatus;
  readonly checklist: readonly string[];
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  /** What the agent answered, at most 4,000 characters. */
  readonly response: string | null;
  /** Begins with `interrupted` when the program that ran it ended. */
  readonly errorMessage: string | null;
}

export const intervalOf = (seconds: number): HeartbeatInterval =>
  (Object.keys(HEARTBEAT_INTERVALS) as HeartbeatInterval[]).find((name) => HEARTBEAT_INTERVALS[name] === seconds) ??
  '30m';

/** What the agent is asked; it stands for nobody, so the text says what it is. */
export function heartbeatMessage(checklist: readonly string[]): string {
  const checks = checklist.map((check, index) => `${index + 1}. ${check}`);
  const what =
    checks.length > 0 ? `Go through this checklist and do what it asks:\n\n${checks.join('\n')}` : WITHOUT_CHECKLIST;
  return `This is a heartbeat: the clock woke you, no person is waiting. ${what}\n\n${HOW_TO_ANSWER}`;
}

const WITHOUT_CHECKLIST = 'Look at what HEARTBEAT.md of your workspace asks for, and do it.';

const HOW_TO_ANSWER =
  'Answer with one line for each point: what you found and what you did. When nothing needs attention, say so in one line.';
