import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { type Config, ConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { EventsModule } from '#libs/events';
import { LoggerModule, silentLogger } from '#libs/observability';
import { QueueModule } from '#libs/queue';
import {
  type MailServer,
  type Overrides,
  type TestDatabase,
  type TestOrganisation,
  mailServer,
  testDatabase,
  testOrganisation,
} from '#libs/testing';
import { PasswordResetService } from '../accounts/password-reset.service.js';
import { InviteAcceptance } from '../team/invite-acceptance.js';
import { InviteRetention } from '../team/invite-retention.js';
import { InvitationsService } from '../team/invitations.service.js';
import type { Member } from '../team/member.js';
import { TeamModule } from '../team/team.module.js';
import { TeamService } from '../team/team.service.js';
import { MailDeliveryModule } from './mail-delivery.module.js';
import { MailSender } from './mail-sender.js';

const PASSWORD = 'SecurePass123!';

let db: TestDatabase;
let server: MailServer;
let one: TestingModule;
let two: TestingModule;
let team: TestOrganisation;

const open = async (overrides: Overrides<Config>): Promise<TestingModule> => {
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(db.config(overrides)),
      LoggerModule.forRoot(silentLogger()),
      DatabaseModule.forRoot(),
      EventsModule.forRoot(),
      QueueModule.forProducer(),
      TeamModule,
      MailDeliveryModule,
    ],
  }).compile();
  return module.init();
};

beforeAll(async () => {
  [db, server] = [await testDatabase(), await mailServer()];
  const mail = { smtpUrl: server.url, from: 'Rookery <rookery@example.test>' };
  const more = { mail, http: { publicUrl: 'https://rookery.example' } };
  [one, two] = [await open(more), await open(more)];
}, 60_000);
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await Promise.all([db.close(), server.stop()]);
});
beforeEach(async () => {
  server.refusal = undefined;
  await db.database.query('DELETE FROM mails');
  team = await testOrganisation(db.database);
});

const sender = (at: TestingModule = one): MailSender => at.get(MailSender);
const invite = (email: string) =>
  one.get(InvitationsService).invite(team.caller, { email, name: 'Ann', role: 'MEMBER' });
const memberOf = async (email: string): Promise<Member | undefined> =>
  (await one.get(TeamService).list(team.caller)).find((member) => member.email === email);
const mailsTo = (email: string): number => server.mails.filter((mail) => mail.text && server.to(email) === mail).length;
const sweep = (at: TestingModule = one): Promise<void> => at.get(MailSender).sendDue(new AbortController().signal);
const due = (): Promise<unknown> => db.database.query('UPDATE mails SET next_attempt_at = now()');
/** The token in the link of the newest mail to an address. */
const linkTo = (email: string, page: 'join' | 'password'): string => {
  const link = new RegExp(`https://rookery\\.example/${page}\\?token=(\\S+)`).exec(server.to(email)?.text ?? '');
  if (!link?.[1]) throw new Error(`no link in the mail to ${email}`);
  return link[1];
};

describe('an invite', () => {
  it('is mailed with a link that accepts it and proves the address', async () => {
    const { isMailed, member } = await invite('ann@example.test');
    expect([isMailed, member.delivery]).toEqual([true, { status: 'queued', attempts: 0, error: null }]);
    await sweep();
    const mail = server.to('ann@example.test');
    expect(mail?.subject).toBe('You are invited to Test organisation');
    expect(mail?.text).toContain('Test User invites you to join Test organisation on Rookery as MEMBER.');
    expect((await memberOf('ann@example.test'))?.delivery).toEqual({ status: 'sent', attempts: 1, error: null });
    await one.get(InviteAcceptance).accept(linkTo('ann@example.test', 'join'), { password: PASSWORD });
    const rows = await db.database.query(
      `SELECT email_verified_at IS NOT NULL AS proved FROM users WHERE email = 'ann@example.test'`,
    );
    expect(rows).toEqual([{ proved: true }]);
  });

  it('leaves its token in no table and no queue', async () => {
    const { token } = await invite('secret@example.test');
    await sweep();
    const dump = await db.database.query<{ row: string }>(
      `SELECT outbox::text AS row FROM outbox UNION ALL SELECT mails::text FROM mails
        UNION ALL SELECT invites::text FROM invites UNION ALL SELECT audit_events::text FROM audit_events`,
    );
    expect(dump.length).toBeGreaterThan(2);
    for (const secret of [token, linkTo('secret@example.test', 'join')]) {
      expect(dump.filter(({ row }) => row.includes(secret))).toEqual([]);
    }
  });

  it('is mailed once, however many workers hear of it', async () => {
    await invite('once@example.test');
    const [row] = await db.database.query<{ id: string }>('SELECT id FROM mails');
    const ring = (at: TestingModule): Promise<void> => sender(at).send(row?.id ?? '');
    await Promise.all([ring(one), ring(two), sweep(one), sweep(two)]);
    await Promise.all([ring(one), sweep(two)]);
    expect(server.mails.filter((mail) => server.to('once@example.test') === mail)).toHaveLength(1);
  });

  it('is tried again at growing intervals while the server can not, and shows why', async () => {
    server.refusal = { code: 451, text: 'Mailbox busy' };
    await invite('later@example.test');
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await sweep();
      const [row] = await db.database.query<{ pause: number }>(
        'SELECT round(extract(epoch FROM next_attempt_at - now()))::int AS pause FROM mails',
      );
      pauses.push(Math.round((row?.pause ?? 0) / 10) * 10);
      await due();
    }
    expect(pauses).toEqual([30, 60, 120]);
    const delivery = { status: 'queued', attempts: 3, error: expect.stringContaining('Mailbox busy') };
    expect((await memberOf('later@example.test'))?.delivery).toEqual(delivery);
    server.refusal = undefined;
    await sweep();
    expect((await memberOf('later@example.test'))?.delivery).toEqual({ status: 'sent', attempts: 4, error: null });
  });

  it('is given up after eight attempts, at once when the address is refused for good', async () => {
    server.refusal = { code: 451, text: 'Mailbox busy' };
    await invite('never@example.test');
    for (let attempt = 0; attempt < 9; attempt += 1) {
      await due();
      await sweep();
    }
    expect((await memberOf('never@example.test'))?.delivery).toMatchObject({ status: 'failed', attempts: 8 });
    server.refusal = { code: 550, text: 'No such user' };
    await invite('nobody@example.test');
    await sweep();
    const delivery = { status: 'failed', attempts: 1, error: expect.stringContaining('No such user') };
    expect((await memberOf('nobody@example.test'))?.delivery).toEqual(delivery);
  });

  it('that a killed worker had claimed is sent by another, whose word counts', async () => {
    await invite('orphan@example.test');
    const [row] = await db.database.query<{ id: string }>(
      `UPDATE mails SET attempts = 1, next_attempt_at = now() + interval '2 minutes' RETURNING id`,
    );
    await sweep();
    expect(mailsTo('orphan@example.test')).toBe(0);
    await due();
    await sweep(two);
    expect((await memberOf('orphan@example.test'))?.delivery).toMatchObject({ status: 'sent', attempts: 2 });
    await db.database.query(`UPDATE mails SET status = 'queued', attempts = 3 WHERE id = $1`, [row?.id]);
    expect(mailsTo('orphan@example.test')).toBe(1);
  });

  it('that was taken back meanwhile is not mailed', async () => {
    const { member } = await invite('gone@example.test');
    await one.get(TeamService).remove(team.caller, member.id);
    await sweep();
    expect(server.to('gone@example.test')).toBeUndefined();
    expect(await db.database.query('SELECT status FROM mails')).toEqual([{ status: 'failed' }]);
  });

  it('waits for a worker that has a mail server', async () => {
    const without = await open({});
    await invite('waits@example.test');
    await sweep(without);
    await sender(without).send((await db.database.query<{ id: string }>('SELECT id FROM mails'))[0]?.id ?? '');
    expect((await memberOf('waits@example.test'))?.delivery).toMatchObject({ status: 'queued', attempts: 0 });
    await without.close();
  });

  it('goes with what was mailed of it when it ended long ago', async () => {
    await invite('old@example.test');
    await invite('new@example.test');
    await db.database.query(`UPDATE invites SET expires_at = now() - interval '40 days' WHERE email LIKE 'old%'`);
    await one.get(InviteRetention).deleteBefore(new Date(Date.now() - 30 * 86_400_000), 10);
    expect(await memberOf('old@example.test')).toBeUndefined();
    expect(await db.database.query('SELECT count(*)::int AS n FROM mails')).toEqual([{ n: 1 }]);
    expect(await memberOf('new@example.test')).toBeDefined();
  });
});

describe('a password link', () => {
  const reset = (): PasswordResetService => one.get(PasswordResetService);
  const sessions = (userId: string): Promise<unknown[]> =>
    db.database.query('SELECT 1 FROM login_sessions WHERE user_id = $1 AND revoked_at IS NULL', [userId]);

  it('is mailed to the address of a new account without a password', async () => {
    const { token } = await invite('fresh@example.test');
    const accepted = await one.get(InviteAcceptance).accept(token, {});
    expect(accepted).toMatchObject({ isMailed: true, passwordToken: expect.any(String) });
    await sweep();
    await reset().set(linkTo('fresh@example.test', 'password'), PASSWORD, '192.0.2.9');
    await expect(reset().set(accepted.passwordToken ?? '', PASSWORD, '192.0.2.9')).rejects.toMatchObject({
      code: 'password_link_invalid',
    });
  });

  it('is mailed to who forgot theirs, three times an hour, ends their sessions and is good once', async () => {
    const { userId, orgId } = team;
    const email = `${userId}@example.test`;
    await db.database.query(
      `INSERT INTO login_sessions (id, user_id, org_id, expires_at) VALUES (gen_random_uuid(), $1, $2, now() + interval '1 day')`,
      [userId, orgId],
    );
    for (let wish = 0; wish < 5; wish += 1) await reset().request(email.toUpperCase());
    await sweep();
    expect(server.mails.filter(({ text }) => text?.includes(email))).toHaveLength(3);
    const token = linkTo(email, 'password');
    await reset().set(token, PASSWORD, '192.0.2.9');
    expect(await sessions(userId)).toEqual([]);
    await expect(reset().set(token, PASSWORD, '192.0.2.9')).rejects.toMatchObject({ code: 'password_link_invalid' });
  });

  it('is not made for an address without an account, and nobody is told', async () => {
    await expect(reset().request('stranger@example.test')).resolves.toBeUndefined();
    expect(await db.database.query('SELECT 1 FROM mails')).toEqual([]);
  });
});
