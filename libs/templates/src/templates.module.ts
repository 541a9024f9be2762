import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { TemplatesRepository } from './templates.repository.js';
import { TemplatesService } from './templates.service.js';

/** Expects database and events to be global. */
@Module({
  imports: [AuditModule],
  providers: [TemplatesRepository, TemplatesService],
  exports: [TemplatesService],
})
export class TemplatesModule {}
