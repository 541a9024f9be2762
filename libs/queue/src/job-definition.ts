/** A class, by its constructor. */
export type ClassOf<T> = new () => T;

/** A kind of job: the contract between who rings and who handles. */
export interface JobDefinition<P extends object = object> {
  /** `<domain>.<what>`, unique in the system. */
  readonly name: string;
  /** `control`: any worker. `host`: the worker of one host, named when the job is rung. */
  readonly queue: 'control' | 'host';
  /** class-validator class of the payload. Payloads carry ids only: state is read from Postgres when the job runs. */
  readonly payload: ClassOf<P>;
  /** How often it is tried at all. Reconcilers use 1: their backoff is a column that a user's command can clear. */
  readonly attempts: number;
  /** Base of the exponential backoff between attempts; 1,000 unless given. */
  readonly backoffMs?: number;
  /**
   * Jobs of one id fold: while one waits, further ones are dropped; while one runs, exactly one more follows it.
   * An id must end when its worker's life ends (put the host's incarnation in), or rings wait for the lock of the dead.
   */
  deduplicate?(payload: P): string;
}

/** What a handler is told besides its payload. */
export interface JobContext {
  /** Fires when the job's lock was lost or the worker has no more time to drain. */
  readonly signal: AbortSignal;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly jobId: string;
}

const NAME = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$/;

/** Declares a kind of job. @throws Error when the declaration itself is wrong. */
export function defineJob<P extends object>(definition: JobDefinition<P>): JobDefinition<P> {
  if (!NAME.test(definition.name)) throw new Error(`Job name "${definition.name}" must look like domain.what`);
  if (!Number.isInteger(definition.attempts) || definition.attempts < 1) {
    throw new Error(`Job ${definition.name} needs at least one attempt`);
  }
  return Object.freeze(definition);
}

/** The queue only the worker of this host takes from. BullMQ forbids colons in names. */
export const hostQueue = (hostId: string): string => `host.${hostId.replaceAll(':', '_')}`;
