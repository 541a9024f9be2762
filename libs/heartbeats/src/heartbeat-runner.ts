import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Instance } from '#libs/instances';
import { Logger } from '#libs/observability';
import { ExecutionsRepository } from './executions.repository.js';
import type { HeartbeatExecution } from './heartbeat.js';
import { HeartbeatTurns } from './heartbeat-turns.js';

/** How long a graceful end waits until broken off turns are written. */
const DRAIN_MS = 5_000;

/** Begins what is due in this process, so many at once at most; several processes share what there is. */
@Injectable()
export class HeartbeatRunner implements OnModuleDestroy, BeforeApplicationShutdown {
  private readonly live = new Set<Promise<void>>();
  private isClaiming = false;
  private isClosing = false;
  /** The last claim took all that fitted, so there may be more. */
  private isHungry = false;

  constructor(
    @Inject(ExecutionsRepository) private readonly executions: ExecutionsRepository,
    @Inject(HeartbeatTurns) private readonly turns: HeartbeatTurns,
    @Inject(Instance) private readonly instance: Instance,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Begins as much of what is due as there is room for; does not wait for its end. */
  async runDue(): Promise<void> {
    if (this.isClaiming) return;
    this.isClaiming = true;
    try {
      while (!this.isClosing && (await this.claimMore()));
    } finally {
      this.isClaiming = false;
    }
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.live.size > 0) await Promise.all(this.live);
  }

  onModuleDestroy(): void {
    this.isClosing = true;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.race([this.idle(), sleep(DRAIN_MS, undefined, { ref: false })]);
  }

  /** @returns true when there may be more to begin, and room for it. */
  private async claimMore(): Promise<boolean> {
    const room = this.config.limits.heartbeatConcurrency - this.live.size;
    this.isHungry = room <= 0;
    if (room <= 0) return false;
    const { due, executions } = await this.executions.claim(this.instance.id, room);
    executions.forEach((execution) => this.begin(execution));
    this.isHungry = due === room;
    return this.isHungry && executions.length < room;
  }

  private begin(execution: HeartbeatExecution): void {
    const turn = this.turns
      .carry(execution)
      .then(() => undefined)
      .catch((error: unknown) => this.unwritten(execution, error))
      .finally(() => {
        this.live.delete(turn);
        if (this.isHungry) void this.runDue().catch((error: unknown) => this.logger.warn('no heartbeats', { error }));
      });
    this.live.add(turn);
  }

  /** The sweeper ends it. */
  private unwritten({ id, agentId }: HeartbeatExecution, error: unknown): void {
    this.logger.warn('what came of a heartbeat could not be written', { executionId: id, agentId, error });
  }
}
