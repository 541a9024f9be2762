import { ApiProperty } from '@nestjs/swagger';
import { STATUSES } from './agent-words.js';

export class AgentDesiredDto {
  @ApiProperty({ enum: ['running', 'stopped', 'deleted'], example: 'running' })
  state!: string;
  /** Grows with every change of settings */
  @ApiProperty({ type: 'integer', example: 1 })
  generation!: number;
  /** Grows with every restart that was asked for */
  @ApiProperty({ type: 'integer', example: 1 })
  restartGeneration!: number;
}

export class AgentObservedDto {
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  @ApiProperty({ type: 'integer', example: 1 })
  generation!: number;
  @ApiProperty({ type: 'integer', example: 1 })
  restartGeneration!: number;
}

export class AgentHostDto {
  /** @example "host-1" */
  id!: string;
  /** @example "eu" */
  region!: string;
  alive!: boolean;
  draining!: boolean;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  heartbeatAt!: string;
}

export class AgentTransitionDto {
  @ApiProperty({ type: 'integer', example: 3 })
  seq!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  at!: string;
  @ApiProperty({ enum: STATUSES, nullable: true, example: 'provisioning' })
  from!: string | null;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  to!: string;
  /** Who or what caused it */
  cause!: string;
  @ApiProperty({ type: 'integer', nullable: true, example: 1 })
  attempt!: number | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  nextRetryAt!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCategory!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  error!: string | null;
}

export class RefusedHostDto {
  @ApiProperty({ type: 'integer', example: 12 })
  seq!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  at!: string;
  /** Null: more hosts were refused than are shown */
  @ApiProperty({ type: String, nullable: true, example: 'api.example.com' })
  host!: string | null;
  @ApiProperty({ type: 'integer', nullable: true, example: 443 })
  port!: number | null;
  @ApiProperty({ enum: ['host_not_approved', 'port_not_approved', 'address_refused'], example: 'host_not_approved' })
  reason!: string;
}

export class SwitchedSkillDto {
  @ApiProperty({ type: 'integer', example: 14 })
  seq!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  at!: string;
  /** @example "web-search" */
  skillId!: string;
  /** Of the content that the agent has or had */
  @ApiProperty({ example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' })
  digest!: string;
  /** False: it was disabled and taken out of the workspace */
  isEnabled!: boolean;
  /** Why it was disabled */
  @ApiProperty({ type: String, nullable: true, example: 'Sends what it reads to its author' })
  reason!: string | null;
}

export class AgentFilesDto {
  @ApiProperty({ type: 'integer', example: 12 })
  count!: number;
  @ApiProperty({ type: 'integer', example: 48211 })
  bytes!: number;
  /** When all of them were last known to be stored */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:05:00.000Z' })
  storedAt!: string | null;
  /** Why they were not stored the last time; what was stored before is kept */
  @ApiProperty({ type: String, nullable: true, example: null })
  lastError!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCode!: string | null;
  /** When they are looked at again, while the agent runs or after a failure */
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:10:00.000Z' })
  nextAt!: string;
  /** Paths that are not stored as they are: too large, or could not be read; at most ten */
  @ApiProperty({ type: [String], example: [] })
  leftOut!: string[];
}

export class AgentImageDto {
  /** @example "rookery/agent:2.1.0" */
  reference!: string;
  /** What the host said that it was when the agent was ready on it last */
  @ApiProperty({ type: String, nullable: true, example: 'sha256:9f2c' })
  imageId!: string | null;
  /** What it goes back to when the update that is under way does not go well; null: none is */
  @ApiProperty({ type: String, nullable: true, example: null })
  previousImage!: string | null;
}

export class ImageUpdateDto {
  @ApiProperty({ type: 'integer', example: 21 })
  seq!: number;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:05.000Z' })
  at!: string;
  /** `returned`: the agent was not well on the image and is on the previous one again */
  @ApiProperty({ enum: ['wanted', 'done', 'returned'], example: 'done' })
  outcome!: string;
  /** @example "rookery/agent:2.1.0" */
  image!: string;
  /** @example "rookery/agent:2.0.0" */
  previousImage!: string;
  @ApiProperty({ type: String, nullable: true, example: 'sha256:9f2c' })
  imageId!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCategory!: string | null;
  /** What was wrong with the image */
  @ApiProperty({ type: String, nullable: true, example: null })
  error!: string | null;
}

export class AgentWhyDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** What users asked for */
  desired!: AgentDesiredDto;
  /** What is */
  observed!: AgentObservedDto;
  needsRestart!: boolean;
  /** Where it runs; null before it was placed */
  @ApiProperty({ type: AgentHostDto, nullable: true })
  host!: AgentHostDto | null;
  /** Attempts since it was last well */
  @ApiProperty({ type: 'integer', example: 0 })
  attempt!: number;
  /** When it is tried again; null when nothing is planned */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  nextRetryAt!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  lastError!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCategory!: string | null;
  /** What to do about it */
  @ApiProperty({ type: String, nullable: true, example: null })
  advice!: string | null;
  /** The request that goes on once that is done; null: none is needed */
  @ApiProperty({ type: String, nullable: true, example: 'POST /v1/agents/8a7c0f3e-6c1b-4a53-9f4e-0d5a1d6f2b7c/start' })
  command!: string | null;
  /** What it runs from */
  image!: AgentImageDto;
  /** What is stored of the files it wrote; null before anything was looked at */
  @ApiProperty({ type: AgentFilesDto, nullable: true })
  files!: AgentFilesDto | null;
  /** The last 20 changes of status, newest first */
  transitions!: AgentTransitionDto[];
  /** Hosts that the egress proxy refused (docker runtime): the last 20, newest first, each once in ten minutes */
  refusedHosts!: RefusedHostDto[];
  /** Skills of it that were disabled or may be used again: the last 20, newest first */
  switchedSkills!: SwitchedSkillDto[];
  /** How updates of its image went: the last 20 steps, newest first */
  imageUpdates!: ImageUpdateDto[];
}
