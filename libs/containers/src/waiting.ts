import { setTimeout as delay } from 'node:timers/promises';

/** Sleeps; resolves false at once when the signal fires. With `ref: false` it keeps no process alive. */
export async function sleep(ms: number, signal?: AbortSignal, { ref = true } = {}): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal, ref });
    return true;
  } catch {
    return false;
  }
}

/** Checks until it holds or `timeoutMs` have passed. */
export async function waitFor(check: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    if (await check()) return true;
    if (Date.now() >= end) return false;
    await delay(Math.min(pauseMs, Math.max(1, end - Date.now())));
  }
}
