import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { redact } from '#libs/observability';
import { type MailServer, freePort, mailServer } from '#libs/testing';
import { type Mail, Mailer } from './mailer.js';

let server: MailServer;
beforeAll(async () => {
  server = await mailServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.refusal = undefined;
});

const mailerTo = (smtpUrl: string | undefined): Mailer => {
  const config = {
    mail: { smtpUrl, from: 'Rookery <rookery@example.test>' },
    http: { publicUrl: 'https://r.example' },
  };
  return new Mailer(config as ConstructorParameters<typeof Mailer>[0]);
};
const mail = (more: Partial<Mail> = {}): Mail => ({
  id: 'one',
  to: { name: 'Ann Bee', address: 'ann@example.test' },
  subject: 'Hello',
  text: 'A text.\n',
  ...more,
});

describe('Mailer', () => {
  it('sends plain text with the sender, the recipient and an id that stays', async () => {
    await mailerTo(server.url).send(mail({ subject: 'Grüße' }));
    const [got] = server.mails;
    expect(got).toMatchObject({ subject: 'Grüße', text: 'A text.\n', messageId: '<one@r.example>' });
    expect(got?.from?.value).toEqual([{ name: 'Rookery', address: 'rookery@example.test' }]);
    expect(server.to('ann@example.test')).toBe(got);
    expect(got?.headers.get('auto-submitted')).toBe('auto-generated');
  });

  it('lets no text become a header', async () => {
    const name = 'Eve\r\nBcc: all@example.test';
    await mailerTo(server.url).send(mail({ to: { name, address: 'eve@example.test' }, subject: `Hi\r\nX-Evil: 1` }));
    const got = server.to('eve@example.test');
    expect(got?.headers.has('x-evil')).toBe(false);
    expect(got?.bcc).toBeUndefined();
    expect(server.to('all@example.test')).toBeUndefined();
  });

  it('tells a message that is refused for good from one that may pass later', async () => {
    server.refusal = { code: 550, text: 'No such mailbox' };
    await expect(mailerTo(server.url).send(mail())).rejects.toMatchObject({
      kind: 'unprocessable',
      code: 'mail_refused',
      message: expect.stringContaining('No such mailbox'),
    });
    server.refusal = { code: 451, text: 'Try again later' };
    await expect(mailerTo(server.url).send(mail())).rejects.toMatchObject({ kind: 'upstream_failed' });
  });

  it.each([
    ['nobody listens', async () => `smtp://u:p@127.0.0.1:${await freePort()}`],
    ['the password is wrong', async () => server.url.replace(server.password, 'wrong-canary')],
  ])('fails for now when %s, and names no password', async (_when, url) => {
    const error = await mailerTo(await url())
      .send(mail())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'upstream_failed', code: 'mail_failed' });
    expect(JSON.stringify(redact(error))).not.toMatch(/canary/);
  });

  it('fails when the server hangs up', async () => {
    const rude = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(rude, 'listening');
    const { port } = rude.address() as AddressInfo;
    await expect(mailerTo(`smtp://127.0.0.1:${port}`).send(mail())).rejects.toMatchObject({ code: 'mail_failed' });
    rude.close();
  });

  it('is unavailable without a server', async () => {
    expect(mailerTo(undefined).isConfigured).toBe(false);
    await expect(mailerTo(undefined).send(mail())).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
