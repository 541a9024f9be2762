import { type DynamicModule, Module } from '@nestjs/common';
import { EventLog } from './event-log.js';
import { Notices } from './notices.js';

/** {@link Notices} and {@link EventLog} for every module. Needs ConfigModule, DatabaseModule and LoggerModule. */
@Module({})
export class EventsModule {
  static forRoot(): DynamicModule {
    return { module: EventsModule, global: true, providers: [Notices, EventLog], exports: [Notices, EventLog] };
  }
}
