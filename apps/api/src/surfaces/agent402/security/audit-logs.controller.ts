import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { AuditReader } from '#libs/audit';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { Refuses } from '../agent402.openapi.js';
import { AuditLogListDto, AuditLogQuery } from './audit-logs.dto.js';
import { toAuditLogList, toAuditQuery } from './audit-logs.mapper.js';

@ApiTags('Security')
@ApiBearerAuth('bearer')
@Controller('api/v1/security')
export class AuditLogsController {
  constructor(@Inject(AuditReader) private readonly log: AuditReader) {}

  /** Who did what, newest first. Owners and admins only. */
  @Get('audit-logs')
  @Refuses(401, 403, 422, 429, 500, 503)
  async listAuditLogs(@CallerOf() caller: Caller, @Query() query: AuditLogQuery): Promise<AuditLogListDto> {
    return toAuditLogList(await this.log.list(caller, toAuditQuery(query)), toAuditQuery(query));
  }
}
