import { Test, type TestingModule } from '@nestjs/testing';
import { ConfigModule } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import type { TestDatabase } from '#libs/testing';
import { done } from '../audit-event.js';
import { AuditLog } from '../audit-log.js';
import { AuditModule } from '../audit.module.js';
import { AuditUpkeepModule } from '../audit-upkeep.js';

/** One process with the audit log; `upkeep` makes it a worker, that seals and signs. */
export async function auditProcess(test: TestDatabase, upkeep: boolean): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(test.config()),
      LoggerModule.forRoot(silentLogger()),
      DatabaseModule.forRoot(),
      EventsModule.forRoot(),
      AuditModule,
      ...(upkeep ? [AuditUpkeepModule] : []),
    ],
  }).compile();
  return module.init();
}

/** Writes `count` rows for an organisation, each in a transaction of its own. */
export async function writeRows(process: TestingModule, scope: Scope, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const event = done({ subject: 'user:1' }, 'agent.start', `agent:${index}`, { index, note: 'ü "quoted"' });
    await process.get(Database).transaction((tx) => process.get(AuditLog).append(tx, scope, event));
  }
}
