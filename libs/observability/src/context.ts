import { AsyncLocalStorage } from 'node:async_hooks';

/** What every log line of a request or job carries. */
export interface LogContext {
  readonly requestId?: string;
  readonly orgId?: string;
  readonly agentId?: string;
  readonly jobId?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const storage = new AsyncLocalStorage<Mutable<LogContext>>();

/** Runs `work` so that all its log lines carry `context`, added to the context it already runs in. */
export const runWithContext = <T>(context: LogContext, work: () => T): T =>
  storage.run({ ...storage.getStore(), ...context }, work);

/** Adds what became known on the way, for example the organisation once the credential is checked. */
export function extendContext(context: LogContext): void {
  const present = storage.getStore();
  if (present) Object.assign(present, context);
}

export const currentContext = (): LogContext => storage.getStore() ?? {};
