import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { ConfigModule } from '#libs/config';
import { Database, DatabaseModule } from '#libs/database';
import { EventsModule, Notices } from '#libs/events';
import { type Scope, newId } from '#libs/kernel';
import { LoggerModule, silentLogger } from '#libs/observability';
import { type TestDatabase, testDatabase } from '#libs/testing';
import { type AuditEvent, done } from './audit-event.js';
import { AUDIT_TOPIC, AuditLog } from './audit-log.js';
import { AuditModule } from './audit.module.js';

const REFUSED: AuditEvent = {
  type: 'AUTHORIZATION_FAILURE',
  subject: 'user:1',
  action: 'request.refuse',
  resource: 'route:GET /v1/agents',
  result: 'denied',
  reason: 'forbidden',
};

describe('AuditLog', () => {
  let test: TestDatabase;
  let here: TestingModule;
  let there: TestingModule;

  const open = async (): Promise<TestingModule> => {
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(test.config()),
        LoggerModule.forRoot(silentLogger()),
        DatabaseModule.forRoot(),
        EventsModule.forRoot(),
        AuditModule,
      ],
    }).compile();
    return module.init();
  };
  const rows = (scope: Scope) =>
    test.database.query<Record<string, unknown>>(
      'SELECT type, subject, action, resource, result, reason, metadata, seq FROM audit_events WHERE org_id = $1 ORDER BY id',
      [scope.orgId],
    );

  beforeAll(async () => {
    test = await testDatabase();
    [here, there] = await Promise.all([open(), open()]);
  });
  afterAll(async () => {
    await Promise.all([here.close(), there.close()]);
    await test.close();
  });

  it('writes in the transaction of the caller and rings after its commit', async () => {
    const [kept, lost] = [{ orgId: newId() }, { orgId: newId() }];
    const rung: string[] = [];
    const unsubscribe = here.get(Notices).subscribe(AUDIT_TOPIC, (key) => rung.push(key));
    const event = done({ subject: 'user:1' }, 'agent.start', 'agent:7', { region: 'eu' });
    await here.get(Database).transaction((tx) => here.get(AuditLog).append(tx, kept, event));
    const broken = here.get(Database).transaction(async (tx) => {
      await here.get(AuditLog).append(tx, lost, event);
      throw new Error('rolled back');
    });
    await expect(broken).rejects.toThrow('rolled back');
    unsubscribe();
    expect(await rows(kept)).toEqual([{ ...event, reason: null, metadata: { region: 'eu' }, seq: null }]);
    expect(await rows(lost)).toEqual([]);
    expect(rung).toEqual([kept.orgId]);
  });

  it('writes what happens often once in its time, whichever process sees it', async () => {
    const scope = { orgId: newId() };
    const every = { key: 'user:1|GET /v1/agents', seconds: 60 };
    const record = (module: TestingModule) => module.get(AuditLog).recordOnce(scope, REFUSED, every);
    await Promise.all([record(here), record(there), record(here), record(there)]);
    expect(await rows(scope)).toHaveLength(1);
    await test.database.query(`UPDATE audit_throttles SET until = now() - interval '1 second'`);
    const later = await open();
    await record(later);
    await later.close();
    expect(await rows(scope)).toHaveLength(2);
  });

  it('keeps texts short and takes any character', async () => {
    const scope = { orgId: newId() };
    const metadata = { name: 'a\0b\ud83d' };
    await here.get(AuditLog).record(scope, { ...REFUSED, reason: `a\0b${'x'.repeat(2_000)}`, metadata });
    const kept = { reason: `ab${'x'.repeat(498)}`, metadata: { name: 'ab\ufffd' } };
    expect(await rows(scope)).toEqual([expect.objectContaining(kept)]);
  });

  it('lets nobody change, remove or empty what was written', async () => {
    const scope = { orgId: newId() };
    await here.get(AuditLog).record(scope, REFUSED);
    for (const sql of [
      `UPDATE audit_events SET result = 'success'`,
      'DELETE FROM audit_events',
      'TRUNCATE audit_events',
    ]) {
      await expect(test.database.query(sql)).rejects.toThrow('audit_events is append-only');
    }
    expect(await rows(scope)).toHaveLength(1);
  });
});
