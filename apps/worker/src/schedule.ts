/** Something a worker does again and again by a timer of its own. */
export interface Schedule {
  readonly name: string;
  readonly everyMs: number;
  /** Idempotent; several workers may run it at once. It ends early when the signal fires. */
  run(signal: AbortSignal): Promise<unknown>;
}
