import { Test, type TestingModule } from '@nestjs/testing';
import { type Config, ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { LoggerModule, silentLogger } from '#libs/observability';
import { type Overrides, type TestDatabase } from '#libs/testing';
import { IdentityModule } from './identity.module.js';

/** One process's identity module on a test database. */
export async function identityProcess(db: TestDatabase, overrides: Overrides<Config> = {}): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(db.config(overrides)),
      LoggerModule.forRoot(silentLogger()),
      DatabaseModule.forRoot(),
      EventsModule.forRoot(),
      IdentityModule,
    ],
  }).compile();
  return module.init();
}
