import { DomainError } from '#libs/kernel';

/** The agent remembers another number of messages than the caller; repeat with the earlier ones. */
export class HistoryRequired extends DomainError {
  /** @param messages how many of the newest ones it lacks; undefined when it did not say */
  constructor(readonly messages: number | undefined) {
    super('conflict', 'history_required', 'The agent needs the earlier messages of this session');
  }
}

/** Nothing accepts connections at the edge. */
export const unreachableError = (cause: unknown): DomainError =>
  new DomainError(
    'upstream_failed',
    'edge_unreachable',
    "The edge of the agent's host cannot be reached just now; try again shortly",
    { retryAfterSeconds: 1 },
    cause,
  );

/** The answer ended before its end. */
export const cutError = (cause: unknown): DomainError =>
  new DomainError(
    'upstream_failed',
    'answer_cut',
    'The connection to the agent broke before its answer was complete; send the message again',
    {},
    cause,
  );

/** What an answer other than 200 means. `body` is the gateway's or the relay's JSON. */
export function answerError(status: number, body: string): DomainError {
  const { code, message, messages } = errorOf(body);
  if (status === 409 && code === 'history_required') return new HistoryRequired(messages);
  if (code === 'agent_unreachable') {
    return new DomainError(
      'agent_not_running',
      code,
      'The agent does not answer; it may be restarting, try again shortly',
      {
        retryAfterSeconds: 2,
      },
    );
  }
  return new DomainError(
    'upstream_failed',
    code ?? 'agent_failed',
    message ?? `The agent answered with status ${status}`,
  );
}

function errorOf(body: string): { code?: string; message?: string; messages?: number } {
  try {
    const error = (JSON.parse(body) as { error?: Readonly<Record<string, unknown>> } | null)?.error;
    return {
      ...(typeof error?.code === 'string' ? { code: error.code } : {}),
      ...(Number.isSafeInteger(error?.messages) ? { messages: Math.max(0, Number(error?.messages)) } : {}),
      ...(typeof error?.message === 'string' ? { message: error.message.slice(0, 500) } : {}),
    };
  } catch {
    return {};
  }
}
