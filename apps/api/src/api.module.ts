import { type DynamicModule, Module } from '@nestjs/common';
import { type Config, ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { InstancesModule } from '#libs/instances';
import { type Logger, LoggerModule } from '#libs/observability';
import { QueueModule } from '#libs/queue';
import { HttpModule } from './http/http.module.js';
import { POLICY_TABLE } from './http/policy.table.js';
import { OpsModule } from './ops/ops.module.js';
import { SURFACES } from './surfaces/index.js';

/** The API process. */
@Module({})
export class ApiModule {
  static forRoot(config: Config, logger: Logger): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(logger),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        InstancesModule.forRoot('api'),
        QueueModule.forProducer(),
        HttpModule.forRoot(SURFACES, POLICY_TABLE),
        OpsModule,
        ...new Set(SURFACES.flatMap(({ module, shared = [] }) => [module, ...shared])),
      ],
    };
  }
}
