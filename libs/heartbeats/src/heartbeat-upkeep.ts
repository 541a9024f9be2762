import { Inject, Injectable } from '@nestjs/common';
import { ExecutionsRepository } from './executions.repository.js';
import { LONGEST_TURN_SECONDS } from './heartbeat-turns.js';

const MARGIN_SECONDS = 60;

/** Ends what killed processes left, and deletes what is older than it is to be kept. */
@Injectable()
export class HeartbeatUpkeep {
  constructor(@Inject(ExecutionsRepository) private readonly executions: ExecutionsRepository) {}

  /** Executions whose instance has had no beat for 12 s fail as interrupted; they are not repeated. @returns how many. */
  interruptOfDeadInstances(): Promise<number> {
    return this.executions.interrupt(LONGEST_TURN_SECONDS + MARGIN_SECONDS);
  }

  /** @returns how many of at most `limit`; fewer means done. */
  deleteBefore(before: Date, limit: number): Promise<number> {
    return this.executions.deleteBefore(before, limit);
  }
}
