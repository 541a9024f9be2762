import { ApiProperty } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { IfPresent } from '../agento.validation.js';
import { STATUSES } from './agent-words.js';

export class StartedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:05.000Z' })
  startedAt!: string | null;
}

export class StoppedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ enum: STATUSES, example: 'stopped' })
  status!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T15:00:00.000Z' })
  stoppedAt!: string | null;
}

export class UpdateImageDto {
  /**
   * One that the installation allows; left out: the one that new agents get
   * @example "rookery/agent:2.1.0"
   */
  @IfPresent()
  @IsString()
  @MaxLength(512)
  image?: string;
}

export class UpdatedImageDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** What the agent runs, or is being brought up on */
  @ApiProperty({ example: 'rookery/agent:2.1.0' })
  image!: string;
  /** What it goes back to when it is not well on the image; null once that is decided */
  @ApiProperty({ type: String, nullable: true, example: null })
  previousImage!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:05.000Z' })
  startedAt!: string | null;
}

export class AgentResourcesDto {
  /** @example "128MiB / 512MiB" */
  memoryUsage!: string;
  /** @example "2.35%" */
  cpuPercent!: string;
}

export class AgentStatusDto {
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** What the agent's host last saw: running, exited, created or missing */
  @ApiProperty({ type: String, nullable: true, example: 'running' })
  containerStatus!: string | null;
  /** Whether the agent answers */
  live!: boolean;
  @ApiProperty({ type: AgentResourcesDto, nullable: true })
  resources!: AgentResourcesDto | null;
  /** `redis`: a fresh report of the agent's host; `ssh`: the agent was asked directly */
  @ApiProperty({ enum: ['redis', 'ssh'], example: 'redis' })
  source!: string;
}
