import type { Letter } from './mail.repository.js';

/** Subject and text of a message around its link. */
export const textOf = (letter: Letter, link: string): { readonly subject: string; readonly text: string } =>
  letter.inviteId === null ? passwordText(letter, link) : inviteText(letter, link);

const inviteText = (letter: Letter, link: string): { subject: string; text: string } => ({
  subject: `You are invited to ${letter.organisation}`,
  text: lines(
    greeting(letter),
    `${letter.inviter ?? 'An administrator'} invites you to join ${letter.organisation} on Rookery as ${letter.role ?? 'MEMBER'}.`,
    `To accept, open this address before ${dateOf(letter)}:`,
    link,
    'If you did not expect this message, do nothing: you join only when you accept.',
  ),
});

const passwordText = (letter: Letter, link: string): { subject: string; text: string } => ({
  subject: 'Set your password',
  text: lines(
    greeting(letter),
    `Somebody asked to set a password for your Rookery account, ${letter.email}.`,
    `To choose one, open this address before ${dateOf(letter)}:`,
    link,
    'If it was not you, do nothing: your account stays as it is.',
  ),
});

const greeting = ({ name }: Letter): string => (name === '' ? 'Hello,' : `Hello ${name},`);

/** `2026-11-27 04:14 UTC` */
const dateOf = ({ expiresAt }: Letter): string => `${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const lines = (...paragraphs: readonly string[]): string => `${paragraphs.join('\n\n')}\n`;
