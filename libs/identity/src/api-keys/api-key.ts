import type { ScopeName } from '#libs/kernel';

/** An API key without its secret. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  /** The first characters of the key, to recognise it by: `ak_live_1a2b3c4d`. */
  readonly prefix: string;
  readonly scopes: readonly ScopeName[];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}
