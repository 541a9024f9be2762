import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { AddressObject, ParsedMail } from 'mailparser';
import type { SMTPServer as Server } from 'smtp-server';

/** A real SMTP server on loopback that keeps what it takes. */
export interface MailServer {
  /** For SMTP_URL, with user and password. */
  readonly url: string;
  readonly password: string;
  /** Taken so far, parsed. */
  readonly mails: readonly ParsedMail[];
  /** Who has connected and signed in, taken or not. */
  readonly sessions: number;
  /** What it answers to a recipient instead of taking a message; undefined: it takes them. */
  refusal: { readonly code: number; readonly text: string } | undefined;
  to(address: string): ParsedMail | undefined;
  stop(): Promise<void>;
}

const USER = 'rookery';

export async function mailServer(password = 'mail-canary-4711'): Promise<MailServer> {
  const { SMTPServer } = await import('smtp-server');
  const { simpleParser } = await import('mailparser');
  const mails: ParsedMail[] = [];
  const state: { refusal: MailServer['refusal']; sessions: number } = { refusal: undefined, sessions: 0 };
  const server: Server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    closeTimeout: 100,
    onAuth: ({ username, password: given }, _session, done) => {
      if (username !== USER || given !== password) return done(new Error('Wrong user or password'));
      state.sessions += 1;
      return done(null, { user: USER });
    },
    onRcptTo: (_address, _session, done) => {
      const { refusal } = state;
      done(refusal && Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
    },
    onData: (stream, _session, done) => {
      simpleParser(stream).then(
        (mail) => {
          mails.push(mail);
          done();
        },
        (error: Error) => done(error),
      );
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://${USER}:${password}@127.0.0.1:${port}`,
    password,
    mails,
    get sessions() {
      return state.sessions;
    },
    get refusal() {
      return state.refusal;
    },
    set refusal(value) {
      state.refusal = value;
    },
    to: (address) => mails.find((mail) => recipients(mail).includes(address)),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const recipients = ({ to }: ParsedMail): string[] =>
  [to ?? []].flat().flatMap((object: AddressObject) => object.value.map(({ address }) => address ?? ''));
