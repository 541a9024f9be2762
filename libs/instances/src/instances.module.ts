import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Database } from '#libs/database';
import { Instance, type InstanceKind } from './instance.js';

/** Registers the process and provides its {@link Instance} everywhere. */
@Global()
@Module({})
export class InstancesModule {
  static forRoot(kind: InstanceKind): DynamicModule {
    return {
      module: InstancesModule,
      providers: [
        {
          provide: Instance,
          inject: [Database, CONFIG],
          useFactory: (database: Database, config: Config) =>
            new Instance(database, kind, kind === 'api' ? null : config.host.id),
        },
      ],
      exports: [Instance],
    };
  }
}
