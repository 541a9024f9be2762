import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';

/** Gives every module the process's {@link Logger} and {@link Metrics}. */
@Global()
@Module({})
export class LoggerModule {
  static forRoot(logger: Logger, metrics: Metrics = new Metrics()): DynamicModule {
    return {
      module: LoggerModule,
      providers: [
        { provide: Logger, useValue: logger },
        { provide: Metrics, useValue: metrics },
      ],
      exports: [Logger, Metrics],
    };
  }
}
