import type { Config } from '#libs/config';
import type { AgentRuntime } from '../agent.js';

/** What an instance may use, and how long its start and end may take. */
export interface RuntimeLimits {
  readonly memoryMb: number;
  readonly cpus: number;
  readonly pidsLimit: number;
  readonly stopTimeoutMs: number;
  /** From the start to the answer of `/readyz`. */
  readonly readyTimeoutMs: number;
}

type Times = Omit<RuntimeLimits, 'memoryMb' | 'cpus'>;

/** OpenClaw loads for 10 to 20 s and is warmed up by a chat; its bridge ends it within 8 s. */
const TIMES: Readonly<Record<AgentRuntime, Times>> = {
  house: { pidsLimit: 256, stopTimeoutMs: 10_000, readyTimeoutMs: 60_000 },
  openclaw: { pidsLimit: 512, stopTimeoutMs: 15_000, readyTimeoutMs: 240_000 },
};

/** For an instance of which nobody knows what it runs. */
export const LONGEST_STOP_MS = 15_000;
export const stopTimeoutOf = (runtime: AgentRuntime): number => TIMES[runtime].stopTimeoutMs;
export const readyTimeoutOf = (runtime: AgentRuntime): number => TIMES[runtime].readyTimeoutMs;

export function limitsOf(runtime: AgentRuntime, config: Pick<Config, 'agent' | 'openclaw'>): RuntimeLimits {
  const { memoryMb, cpus } = runtime === 'openclaw' ? config.openclaw : config.agent;
  return { memoryMb, cpus, ...TIMES[runtime] };
}
