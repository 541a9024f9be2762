import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import type { Tx } from '#libs/database';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { ANY_KEY, type Notice, NoticeBatch, parsePayload } from './notice-batch.js';
import { NoticeConnection } from './notice-connection.js';

const COALESCE_MS = 5;

type Listener = (key: string) => void;

/**
 * Tells every process that something changed, never what: whoever is told reads it from the database. Listeners in the
 * ringing process are called at once, others through LISTEN/NOTIFY with at most one NOTIFY per 5 ms and process.
 * Rings can be lost (a crash after the commit, a lost connection), so readers also look by themselves now and then.
 */
@Injectable()
export class Notices implements OnModuleInit, OnApplicationShutdown {
  /** How often `until` asks although nobody rang. */
  protected readonly recheckMs: number = 1_000;
  private readonly byTopic = new Map<string, Set<Listener>>();
  private readonly byKey = new Map<string, Set<Listener>>();
  private readonly batch = new NoticeBatch();
  private readonly connection: NoticeConnection;
  private readonly log: RateLimitedLogger;
  private timer: NodeJS.Timeout | undefined;
  private sending: Promise<void> | undefined;
  private lastSentAt = 0;

  constructor(@Inject(CONFIG) config: Pick<Config, 'databaseUrl'>, @Inject(Logger) logger: Logger) {
    this.log = new RateLimitedLogger(logger.child({ component: 'notices' }));
    this.connection = new NoticeConnection(config.databaseUrl, {
      onPayload: (payload) => parsePayload(payload).forEach((notice) => this.deliver(notice)),
      onConnected: () => this.reconnected(),
      onError: (error) => this.log.warn('notices are interrupted', { error }),
    });
  }

  async onModuleInit(): Promise<void> {
    await this.connection.connect();
  }

  /** Sends what waits, then disconnects. */
  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    await this.sending;
    await this.flush();
    await this.connection.close();
  }

  /** False while the LISTEN connection is being made anew. */
  get connected(): boolean {
    return this.connection.connected;
  }

  /**
   * Calls `listener` with each key that is rung, and with {@link ANY_KEY} when anything of the topic may have changed.
   * It must not throw. @returns what ends the subscription.
   */
  subscribe(topic: string, listener: Listener): () => void {
    return add(this.byTopic, topic, listener);
  }

  /** The same for one key, cheap also with thousands of subscribers. */
  subscribeKey(topic: string, key: string, listener: () => void): () => void {
    return add(this.byKey, `${topic} ${key}`, () => listener());
  }

  /** Rings after `tx` commits, and not at all if it does not. */
  notifyAfter(tx: Tx, topic: string, key: string): void {
    tx.afterCommit(() => this.notify(topic, key));
  }

  /** Rings now. */
  notify(topic: string, key: string): void {
    this.batch.add({ topic, key });
    this.schedule();
    this.deliver({ topic, key });
  }

  /**
   * Waits until `check` gives a value: asks at once, after each ring, after a reconnect and every second.
   * Undefined when the time is up or `signal` fires. What `check` throws is thrown.
   */
  async until<T>(
    topic: string,
    key: string,
    check: () => Promise<T | undefined>,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<T | undefined> {
    const deadline = performance.now() + options.timeoutMs;
    const bell = new Bell();
    const unsubscribe = this.subscribeKey(topic, key, () => bell.ring());
    const stop = (): void => bell.ring();
    options.signal?.addEventListener('abort', stop);
    try {
      while (!options.signal?.aborted) {
        const value = await check();
        if (value !== undefined) return value;
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) return undefined;
        await bell.wait(Math.min(leftMs, this.recheckMs));
      }
      return undefined;
    } finally {
      unsubscribe();
      options.signal?.removeEventListener('abort', stop);
    }
  }

  private deliver({ topic, key }: Notice): void {
    this.byTopic.get(topic)?.forEach((listener) => listener(key));
    if (key !== ANY_KEY) this.byKey.get(`${topic} ${key}`)?.forEach((listener) => listener(key));
    else this.wakeKeys((name) => name.startsWith(`${topic} `));
  }

  private wakeKeys(of: (name: string) => boolean): void {
    for (const [name, listeners] of this.byKey) if (of(name)) listeners.forEach((listener) => listener(ANY_KEY));
  }

  private reconnected(): void {
    this.byTopic.forEach((listeners) => listeners.forEach((listener) => listener(ANY_KEY)));
    this.wakeKeys(() => true);
    this.schedule();
  }

  private schedule(): void {
    if (this.timer || this.sending || this.batch.isEmpty || !this.connection.connected) return;
    const waitMs = this.lastSentAt + COALESCE_MS - performance.now();
    if (waitMs <= 0) return this.send();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, waitMs);
  }

  private send(): void {
    this.sending = Promise.resolve()
      .then(() => this.flush())
      .finally(() => {
        this.sending = undefined;
        this.schedule();
      });
  }

  private async flush(): Promise<void> {
    if (this.batch.isEmpty || !this.connection.connected) return;
    this.lastSentAt = performance.now();
    const payloads = this.batch.drain();
    try {
      await this.connection.send(payloads);
    } catch (error) {
      this.log.warn('notices were not sent', { error });
      payloads.flatMap(parsePayload).forEach((notice) => this.batch.add(notice));
    }
  }
}

/** A wait that a ring ends, also one that came before the wait began. */
class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  async wait(timeoutMs: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.rung = false;
    this.wake = undefined;
  }
}

function add(map: Map<string, Set<Listener>>, name: string, listener: Listener): () => void {
  const listeners = map.get(name) ?? new Set();
  map.set(name, listeners.add(listener));
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && map.get(name) === listeners) map.delete(name);
  };
}
