import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '#libs/database';
import { Notices } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { ApiKeyRepository } from '../api-keys/api-key.repository.js';
import { CREDENTIAL_TOPIC } from '../credentials/credential.service.js';
import { SessionRepository } from '../sessions/session.repository.js';

/** What a user can do in one organisation through sessions and keys: told to all replicas when it changes, or ended. */
@Injectable()
export class MemberAccess {
  constructor(
    @Inject(SessionRepository) private readonly sessions: SessionRepository,
    @Inject(ApiKeyRepository) private readonly keys: ApiKeyRepository,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /** Role or status changed: nobody goes on with what was cached. */
  changed(tx: Tx, userId: string): void {
    this.notices.notifyAfter(tx, CREDENTIAL_TOPIC, `user:${userId}`);
  }

  /** Ends the user's sessions in this organisation, and for good their keys when `keys` says so. */
  async end(tx: Tx, scope: Scope, userId: string, end: { reason: string; keys: boolean }): Promise<void> {
    await this.sessions.revokeAll(tx, scope, userId, end.reason);
    if (end.keys) await this.keys.revokeAll(tx, scope, userId);
    this.changed(tx, userId);
  }
}
