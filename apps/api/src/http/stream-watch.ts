import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Credentials } from './credentials.js';
import { DataScope } from './data-scope.js';
import { authorise } from './policy.js';
import type { ApiRequest } from './request.js';

/** With what a lookup is remembered, and dropped by notice, a stream ends well within 5 s. */
const LOOK_EVERY_MS = 2_000;

/** Ends streams whose caller may no longer have them: removed, suspended, signed out, demoted, key or token revoked. */
@Injectable()
export class StreamWatch {
  constructor(
    @Inject(Credentials) private readonly credentials: Credentials,
    @Inject(DataScope) private readonly dataScope: DataScope,
  ) {}

  /** Watches over what is sent, when it is a stream that somebody signed in for. */
  watch(request: ApiRequest, payload: unknown): void {
    if (!(payload instanceof Readable) || request.edge?.caller === undefined) return;
    const timer = setInterval(() => void this.look(request, payload), LOOK_EVERY_MS);
    timer.unref();
    payload.once('close', () => clearInterval(timer));
  }

  private async look(request: ApiRequest, stream: Readable): Promise<void> {
    if (!(await this.mayStay(request))) stream.destroy();
  }

  /** While nobody can be asked, streams stay. */
  private async mayStay(request: ApiRequest): Promise<boolean> {
    const { caller: before, policy } = request.edge ?? {};
    if (!before || !policy) return true;
    try {
      const caller = await this.credentials.again(request, before);
      authorise(policy, caller);
      if (caller) await this.dataScope.admit(request, caller);
      return true;
    } catch (error) {
      return !(error instanceof DomainError) || error.kind === 'unavailable';
    }
  }
}
