import { Module } from '@nestjs/common';
import { AuditLog } from './audit-log.js';
import { AuditReader } from './audit-reader.js';

/** {@link AuditLog} to write and {@link AuditReader} to read. Needs DatabaseModule, EventsModule and LoggerModule. */
@Module({ providers: [AuditLog, AuditReader], exports: [AuditLog, AuditReader] })
export class AuditModule {}
