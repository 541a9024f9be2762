import { Inject, Injectable } from '@nestjs/common';
import { QueueRegistry } from './queue-registry.js';

/** Whether the queue backend can take jobs just now. Rings succeed without it; they are sent when it is back. */
@Injectable()
export class QueueHealth {
  constructor(@Inject(QueueRegistry) private readonly registry: QueueRegistry) {}

  /** @throws Error when the backend does not answer within seconds, or its schema is missing. */
  async ping(): Promise<void> {
    const queue = await this.registry.queue('control');
    await queue.getWaitingCount();
  }
}
