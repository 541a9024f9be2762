import { randomBytes, randomUUID } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A new random (version 4) UUID. */
export const newId = (): string => randomUUID();

/** An id with a readable prefix, `sess_` and 24 hex digits: a new one, or always the same one for a UUID. */
export const prefixedId = (prefix: string, uuid?: string): string =>
  `${prefix}_${uuid === undefined ? randomBytes(12).toString('hex') : uuid.replaceAll('-', '').slice(-24)}`;

export const isUuid = (text: string): boolean => UUID.test(text);
