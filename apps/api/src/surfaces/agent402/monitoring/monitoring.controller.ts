import { Body, Get, Inject, Put, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { MonitoringService } from '#libs/monitoring';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { PageQuery, toPageRequest } from '../agent402.paging.js';
import {
  AlertListDto,
  ChangeThresholdsDto,
  MonitoringStatusDto,
  SwarmHealthDto,
  ThresholdsDto,
  TimelineDto,
  TimelineQueryDto,
} from './monitoring.dto.js';
import {
  toAlertList,
  toChangeSettings,
  toMonitoringStatus,
  toSwarmHealth,
  toThresholds,
  toTimeline,
  toTimelineQuery,
} from './monitoring.mapper.js';

@Agent402Controller('Swarm monitoring', 'api/v1/swarm')
export class MonitoringController {
  constructor(@Inject(MonitoringService) private readonly monitoring: MonitoringService) {}

  /** How the workspace's swarms do, by subsystem. */
  @Get('health')
  async getSwarmHealth(@CallerOf() caller: Caller): Promise<SwarmHealthDto> {
    return toSwarmHealth(await this.monitoring.health(caller), new Date());
  }

  /** What happened to tasks and agents, newest first. */
  @Get('timeline')
  @Refuses(422)
  async getTimeline(@CallerOf() caller: Caller, @Query() query: TimelineQueryDto): Promise<TimelineDto> {
    return toTimeline(await this.monitoring.timeline(caller, toTimelineQuery(query)), toTimelineQuery(query));
  }

  /** Which subsystems can be looked at. */
  @Get('monitoring/status')
  async getMonitoringStatus(@CallerOf() caller: Caller): Promise<MonitoringStatusDto> {
    const { total } = await this.monitoring.timeline(caller, { limit: 1, offset: 0 });
    return toMonitoringStatus(await this.monitoring.health(caller), total, new Date());
  }

  /** From which figures on the health is degraded and an alert is raised. */
  @Get('alerts/thresholds')
  async getThresholds(@CallerOf() caller: Caller): Promise<ThresholdsDto> {
    return toThresholds(await this.monitoring.settings(caller));
  }

  /** Change thresholds, and where alerts are posted to; what is left out stays. */
  @Put('alerts/thresholds')
  @Refuses(422)
  async changeThresholds(@CallerOf() caller: Caller, @Body() body: ChangeThresholdsDto): Promise<ThresholdsDto> {
    return toThresholds(await this.monitoring.change(caller, toChangeSettings(body)));
  }

  /** What was raised and cleared, newest first. */
  @Get('alerts')
  @Refuses(422)
  async listAlerts(@CallerOf() caller: Caller, @Query() query: PageQuery): Promise<AlertListDto> {
    return toAlertList(await this.monitoring.alerts(caller, toPageRequest(query).limit));
  }
}
