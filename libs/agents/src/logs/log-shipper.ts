import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { HostSession } from '../hosts/host-session.js';
import { LogStore } from './log-store.js';
import { LogWriter } from './log-writer.js';

const PAUSE_MS = 1_000;
const FINISH_TIMEOUT_MS = 5_000;

interface Follower {
  readonly stop: AbortController;
  done: Promise<void>;
}

/** Follows the output of this host's agents into the log, from where the last worker stopped. */
@Injectable()
export class LogShipper {
  private readonly followers = new Map<string, Follower>();
  /** Last position of each agent handed to the writer: ahead of the stored one. */
  private readonly handed = new Map<string, number>();
  private readonly source: string;
  private readonly log: RateLimitedLogger;

  constructor(
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
    @Inject(LogStore) private readonly store: LogStore,
    @Inject(LogWriter) private readonly writer: LogWriter,
    @Inject(HostSession) host: HostSession,
    @Inject(Logger) logger: Logger,
  ) {
    this.source = `${this.runtime.name}:${host.id}`;
    this.log = new RateLimitedLogger(logger.child({ component: 'log-shipper' }));
  }

  /** Starts to follow those that are not followed yet. */
  async follow(agentIds: readonly string[]): Promise<void> {
    const fresh = agentIds.filter((id) => !this.followers.has(id));
    if (fresh.length === 0) return;
    const starting = fresh.map((id): [string, Follower] => [
      id,
      { stop: new AbortController(), done: Promise.resolve() },
    ]);
    for (const [id, follower] of starting) this.followers.set(id, follower);
    try {
      await this.recall(fresh);
      for (const [id, follower] of starting) {
        if (!follower.stop.signal.aborted) follower.done = this.run(id, follower.stop.signal);
      }
    } catch (error) {
      for (const [id] of starting) this.followers.delete(id);
      this.log.warn('Output is not followed yet', { error });
    }
  }

  /** Stores the rest of an instance's output before it is removed. */
  async finish(agentId: string, signal: AbortSignal): Promise<void> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(FINISH_TIMEOUT_MS)]);
    await this.end(agentId);
    try {
      await this.recall([agentId]);
      await this.ship(agentId, { follow: false, signal: patience });
      await Promise.race([this.writer.drained(), sleep(FINISH_TIMEOUT_MS, undefined, { ref: false })]);
    } catch (error) {
      this.log.warn('The last output of an agent could not be read', { agentId, error });
    }
  }

  /** The agent is deleted: nothing of it is kept. */
  async forget(agentId: string): Promise<void> {
    await this.end(agentId);
    this.handed.delete(agentId);
  }

  async close(patienceMs: number): Promise<void> {
    await Promise.all([...this.followers.keys()].map((id) => this.end(id)));
    await this.writer.close(patienceMs);
  }

  private async end(agentId: string): Promise<void> {
    const follower = this.followers.get(agentId);
    follower?.stop.abort();
    await follower?.done;
    if (this.followers.get(agentId) === follower) this.followers.delete(agentId);
  }

  private async run(agentId: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.ship(agentId, { follow: true, signal });
      } catch (error) {
        if (!signal.aborted) this.log.warn('Output could not be followed', { agentId, error });
      }
      await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  private async ship(agentId: string, how: { readonly follow: boolean; readonly signal: AbortSignal }): Promise<void> {
    const position = this.handed.get(agentId);
    const after = position === undefined ? {} : { after: position };
    for await (const line of this.runtime.logs(agentId, { ...after, ...how })) {
      this.handed.set(agentId, line.position);
      await this.writer.append([{ agentId, source: this.source, ...line }]);
    }
  }

  /** Looks up where an earlier worker stopped, for agents this one has not followed yet. */
  private async recall(agentIds: readonly string[]): Promise<void> {
    const unknown = agentIds.filter((id) => !this.handed.has(id));
    if (unknown.length === 0) return;
    for (const [id, cursor] of await this.store.cursors(unknown)) {
      if (cursor.source === this.source) this.handed.set(id, cursor.position);
    }
  }
}
