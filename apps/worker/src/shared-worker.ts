import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LogPartitions } from '#libs/agents';
import { CONFIG, type Config } from '#libs/config';
import { RunSweeper } from '#libs/conversations';
import { EventLog } from '#libs/events';
import { Logger } from '#libs/observability';
import { ScheduleRunner } from './schedule-runner.js';
import { sharedSchedules } from './schedules.js';

/** The timers that every worker runs, whichever its role. */
@Injectable()
export class SharedWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timers: ScheduleRunner;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(LogPartitions) partitions: LogPartitions,
    @Inject(EventLog) events: EventLog,
    @Inject(RunSweeper) runs: RunSweeper,
    @Inject(Logger) logger: Logger,
  ) {
    this.timers = new ScheduleRunner(sharedSchedules({ config, partitions, events, runs }), logger);
  }

  onApplicationBootstrap(): void {
    this.timers.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.timers.stop();
  }
}
