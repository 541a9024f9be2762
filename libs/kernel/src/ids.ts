import { randomBytes, randomUUID } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A new random (version 4) UUID. */
export const newId = (): string => randomUUID();

/** A new id with a readable prefix: `prefixedId('sess')` gives `sess_` and 24 hex digits. */
export const prefixedId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;

export const isUuid = (text: string): boolean => UUID.test(text);
