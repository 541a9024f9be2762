/** Kind of an agent's events in the event log. */
export const AGENT_EVENTS = 'agent';

/** Types in the event log. `status` events are the transitions that `why` shows. */
export const AgentEvent = {
  status: 'agent.status',
  updated: 'agent.updated',
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
