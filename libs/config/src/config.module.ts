import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Config } from './config.js';
import { loadConfig } from './load-config.js';

/** Injection token of the parsed {@link Config}. */
export const CONFIG = Symbol('CONFIG');

@Global()
@Module({})
export class ConfigModule {
  static forRoot(config: Config = loadConfig()): DynamicModule {
    return { module: ConfigModule, providers: [{ provide: CONFIG, useValue: config }], exports: [CONFIG] };
  }
}
