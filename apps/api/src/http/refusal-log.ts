import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '#libs/audit';
import type { DomainError } from '#libs/kernel';
import type { ApiRequest } from './request.js';

const MINUTE = 60;

/** Puts what callers were refused into the audit log, once a minute for a caller and route. */
@Injectable()
export class RefusalLog {
  constructor(@Inject(AuditLog) private readonly audit: AuditLog) {}

  /** Returns at once; a refusal does not wait for its record. */
  note(error: DomainError, request: ApiRequest): void {
    const caller = request.edge?.caller;
    if (error.kind !== 'forbidden' || !caller) return;
    const route = `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
    const { subject } = caller;
    void this.audit.recordOnce(
      caller,
      {
        type: 'AUTHORIZATION_FAILURE',
        subject,
        action: 'request',
        resource: `route:${route}`,
        result: 'denied',
        reason: error.message,
      },
      { key: `refused|${subject}|${route}`, seconds: MINUTE },
    );
  }
}
