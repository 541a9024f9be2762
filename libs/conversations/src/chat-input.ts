import type { Caller } from '#libs/kernel';
import { MESSAGE_MAX_LENGTH, PEER_ID_MAX_LENGTH } from './chat.js';
import { wrongField } from './conversations.errors.js';
import { wellFormed } from './well-formed.js';

const NAME_MAX_LENGTH = 200;
const UNPRINTABLE = /[\p{Control}\p{Surrogate}]/u;

/** Whose session it is: the peer's, or the credential's own when it speaks for nobody else. */
export const ownerOf = (caller: Caller, peerId: string | undefined): string =>
  peerId === undefined ? caller.subject : `peer:${peerId}`;

/** @throws DomainError `validation` for an empty or over-long message. */
export function parseMessage(message: string): string {
  if (message.trim() === '') throw wrongField('message', 'message must not be empty', 'string_too_short');
  if (message.length > MESSAGE_MAX_LENGTH) {
    throw wrongField('message', `message may have at most ${MESSAGE_MAX_LENGTH} characters`, 'string_too_long');
  }
  return wellFormed(message);
}

/** @throws DomainError `validation` for an empty or over-long id, or one with control characters. */
export function parsePeerId(peerId: string | undefined): string | undefined {
  if (peerId === undefined) return undefined;
  const isFine = peerId.trim() !== '' && peerId.length <= PEER_ID_MAX_LENGTH && !UNPRINTABLE.test(peerId);
  if (isFine) return peerId;
  throw wrongField('peerId', `peerId must have 1 to ${PEER_ID_MAX_LENGTH} printable characters`, 'string_pattern');
}

/** @throws DomainError `validation` for an over-long name. */
export function parseName(name: string | undefined): string | undefined {
  if (name === undefined || name.trim() === '') return undefined;
  if (name.length <= NAME_MAX_LENGTH) return wellFormed(name.trim());
  throw wrongField('name', `name may have at most ${NAME_MAX_LENGTH} characters`, 'string_too_long');
}
