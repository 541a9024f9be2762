import { ApiProperty } from '@nestjs/swagger';
import { STATUSES } from './agent-words.js';

export class AgentSwarmDto {
  @ApiProperty({ format: 'uuid', example: 'b1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "Growth" */
  name!: string;
  /** @example "growth" */
  slug!: string;
}

export class AgentSummaryDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "My Assistant" */
  name!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** @example "eu" */
  region!: string;
  /** @example "rookery/agent:local" */
  image!: string;
  @ApiProperty({ type: AgentSwarmDto, nullable: true })
  swarm!: AgentSwarmDto | null;
  @ApiProperty({ format: 'date-time', example: '2026-01-15T10:30:00.000Z' })
  createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-01-15T10:31:00.000Z' })
  startedAt!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  stoppedAt!: string | null;
}

export class AgentDetailsDto extends AgentSummaryDto {
  @ApiProperty({ type: String, format: 'uri', nullable: true, example: null })
  avatarUrl!: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    example: { llmProvider: 'anthropic', authType: 'api_key' },
  })
  config!: Record<string, unknown>;
  @ApiProperty({ type: String, nullable: true, example: '# Workflow\n\n## Role\n\nAnswer customers.' })
  workflowMd!: string | null;
  /** What went wrong last; null while all is well */
  @ApiProperty({ type: String, nullable: true, example: null })
  lastError!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null })
  errorCategory!: string | null;
  /** True when a change waits for a restart of the running agent */
  needsRestart!: boolean;
}

export class CreatedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "My Assistant" */
  name!: string;
  /** `running`, or `provisioning` when the agent takes longer than the answer may wait */
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  /** @example "eu" */
  region!: string;
  @ApiProperty({ format: 'date-time', example: '2026-02-10T14:00:00.000Z' })
  createdAt!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-02-10T14:00:05.000Z' })
  startedAt!: string | null;
}

export class UpdatedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  /** @example "Updated Assistant" */
  name!: string;
  @ApiProperty({ enum: STATUSES, example: 'running' })
  status!: string;
  needsRestart!: boolean;
}

export class DeletedAgentDto {
  @ApiProperty({ format: 'uuid', example: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
  id!: string;
  @ApiProperty({ example: true })
  deleted!: boolean;
}
