import { type KeyObject, createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { DomainError } from '#libs/kernel';
import { deriveKey } from './keys.js';

const CIPHER = 'aes-256-gcm';
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 8;

/** A data key that can be used but not printed. */
export class DataKey {
  readonly #key: KeyObject;

  constructor(material: Buffer) {
    this.#key = createSecretKey(material);
  }

  /** Encrypts under this key, bound to `aad`. */
  encrypt(aad: string, plaintext: Buffer): Buffer {
    return encrypt(this.#key, aad, plaintext);
  }

  /** @throws DomainError `internal` when key, `aad` or a byte differs. */
  decrypt(aad: string, sealed: Buffer): Buffer {
    return decrypt(this.#key, aad, sealed);
  }
}

/** Encrypts a text under a data key. `aad` names what the text is, so that it can't be moved elsewhere. */
export const seal = (dataKey: DataKey, aad: string, plaintext: string): Buffer =>
  dataKey.encrypt(aad, Buffer.from(plaintext, 'utf8'));

/** Undoes {@link seal}. @throws DomainError `internal` when the data key, `aad` or a single byte differs. */
export const unseal = (dataKey: DataKey, aad: string, sealed: Buffer): string =>
  dataKey.decrypt(aad, sealed).toString('utf8');

/**
 * Wraps data keys with the master key. `previous` master keys still open what they wrapped; `rewrap` brings it under
 * the present one. `context` (for example the organisation) is bound to the wrapped key.
 */
export class Keyring {
  private readonly keys = new Map<string, KeyObject>();
  private readonly currentId: string;

  constructor(masterKey: string, previous: readonly string[] = []) {
    this.currentId = keyId(masterKey);
    for (const master of [...previous, masterKey]) this.keys.set(keyId(master), deriveKey(master, 'master-key'));
  }

  /** A fresh data key and its wrapped form, which is what gets stored. */
  newDataKey(context = ''): { readonly wrapped: Buffer; readonly dataKey: DataKey } {
    const material = randomBytes(32);
    return { wrapped: this.wrap(material, context), dataKey: new DataKey(material) };
  }

  /** @throws DomainError `internal`, code `unknown_master_key` or `decryption_failed`. */
  open(wrapped: Buffer, context = ''): DataKey {
    return new DataKey(this.unwrap(wrapped, context));
  }

  /** The same data key wrapped with the present master key. */
  rewrap(wrapped: Buffer, context = ''): Buffer {
    return this.wrap(this.unwrap(wrapped, context), context);
  }

  /** False when another than the present master key wrapped it. */
  isCurrent(wrapped: Buffer): boolean {
    return readKeyId(wrapped) === this.currentId;
  }

  private wrap(material: Buffer, context: string): Buffer {
    const sealed = encrypt(this.master(this.currentId), `data-key|${context}`, material);
    return Buffer.concat([Buffer.from(this.currentId, 'hex'), sealed]);
  }

  private unwrap(wrapped: Buffer, context: string): Buffer {
    return decrypt(this.master(readKeyId(wrapped)), `data-key|${context}`, wrapped.subarray(KEY_ID_BYTES));
  }

  private master(id: string): KeyObject {
    const key = this.keys.get(id);
    if (key) return key;
    throw new DomainError(
      'internal',
      'unknown_master_key',
      'A stored key was wrapped with a master key this process does not have: check MASTER_KEY',
    );
  }
}

const keyId = (masterKey: string): string =>
  deriveKey(masterKey, 'master-key-id').export().subarray(0, KEY_ID_BYTES).toString('hex');

const readKeyId = (wrapped: Buffer): string => wrapped.subarray(0, KEY_ID_BYTES).toString('hex');

function encrypt(key: KeyObject, aad: string, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(aad, 'utf8'));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), nonce, body, cipher.getAuthTag()]);
}

function decrypt(key: KeyObject, aad: string, sealed: Buffer): Buffer {
  try {
    if (sealed[0] !== FORMAT || sealed.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error('unknown format');
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(aad, 'utf8'))
      .setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new DomainError('internal', 'decryption_failed', 'A stored secret could not be decrypted', {}, error);
  }
}
