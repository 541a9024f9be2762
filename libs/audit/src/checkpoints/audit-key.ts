import {
  type KeyObject,
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';

/** DER of an ed25519 private key in PKCS #8, up to its 32 bytes. Source: RFC 8410. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** One who can tell whether a text was signed. */
export interface Verifier {
  /** Tells keys apart: 16 hex digits of the public key's hash. */
  readonly id: string;
  verify(text: string, signature: string): boolean;
}

/** The ed25519 key that signs checkpoints and anchors. It follows from a secret, which is read when it is first needed. */
export class AuditKey implements Verifier {
  private readonly secretOf: () => string;
  private made: { readonly secret: KeyObject; readonly verifier: PublicAuditKey } | undefined;

  constructor(secretOf: () => string) {
    this.secretOf = secretOf;
  }

  get id(): string {
    return this.keys.verifier.id;
  }

  /** PEM that verifies what this key signs, and can sign nothing. */
  get publicPem(): string {
    return this.keys.verifier.pem;
  }

  sign(text: string): string {
    return signBytes(null, Buffer.from(text), this.keys.secret).toString('base64url');
  }

  verify(text: string, signature: string): boolean {
    return this.keys.verifier.verify(text, signature);
  }

  private get keys(): { readonly secret: KeyObject; readonly verifier: PublicAuditKey } {
    if (this.made) return this.made;
    const seed = Buffer.from(hkdfSync('sha256', this.secretOf(), 'rookery', 'audit-checkpoints', 32));
    const secret = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
    return (this.made = { secret, verifier: new PublicAuditKey(createPublicKey(secret)) });
  }
}

/** The public half alone. */
export class PublicAuditKey implements Verifier {
  readonly id: string;
  private readonly key: KeyObject;

  /** @throws Error when the PEM is none of an ed25519 public key. */
  constructor(key: KeyObject | string) {
    this.key = typeof key === 'string' ? createPublicKey(key) : key;
    if (this.key.asymmetricKeyType !== 'ed25519') throw new Error('The public key must be an ed25519 key in PEM');
    const der = this.key.export({ format: 'der', type: 'spki' });
    this.id = createHash('sha256').update(der).digest('hex').slice(0, 16);
  }

  get pem(): string {
    return this.key.export({ format: 'pem', type: 'spki' }).toString();
  }

  verify(text: string, signature: string): boolean {
    return verifyBytes(null, Buffer.from(text), this.key, Buffer.from(signature, 'base64url'));
  }
}
