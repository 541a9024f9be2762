import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Repeats `check` until it neither throws nor returns a falsy value, and gives that value.
 * @throws what the last try threw, or an error that says how long it waited (`timeoutMs`, 10 s by default).
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 25 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<NonNullable<T>> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await check();
      if (value) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > until) {
      throw failure instanceof Error ? failure : new Error(`Still not so after ${timeoutMs} ms`, { cause: failure });
    }
    await sleep(intervalMs);
  }
}
