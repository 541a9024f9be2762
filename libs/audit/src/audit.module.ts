import { Module } from '@nestjs/common';
import { AuditLog } from './audit-log.js';

/** {@link AuditLog} for the modules that import it. Needs DatabaseModule, EventsModule and LoggerModule. */
@Module({ providers: [AuditLog], exports: [AuditLog] })
export class AuditModule {}
