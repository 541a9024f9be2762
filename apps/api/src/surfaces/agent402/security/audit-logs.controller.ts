import { Get, Inject, Query } from '@nestjs/common';
import { AuditReader } from '#libs/audit';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { AuditLogListDto, AuditLogQuery } from './audit-logs.dto.js';
import { toAuditLogList, toAuditQuery } from './audit-logs.mapper.js';

@Agent402Controller('Security', 'api/v1/security', true)
export class AuditLogsController {
  constructor(@Inject(AuditReader) private readonly log: AuditReader) {}

  /** Who did what, newest first. Owners and admins only. */
  @Get('audit-logs')
  @Refuses(422)
  async listAuditLogs(@CallerOf() caller: Caller, @Query() query: AuditLogQuery): Promise<AuditLogListDto> {
    return toAuditLogList(await this.log.list(caller, toAuditQuery(query)), toAuditQuery(query));
  }
}
