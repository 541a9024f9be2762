import { ApiProperty } from '@nestjs/swagger';

export class PlanLimitsDto {
  @ApiProperty({ type: 'integer', example: 10 })
  maxAgents!: number;
  @ApiProperty({ type: 'integer', example: 20 })
  maxSkillsPerAgent!: number;
}

export class PlanDto {
  /** @example "plan_pro" */
  id!: string;
  /** @example "Pro" */
  name!: string;
  /** @example "active" */
  status!: string;
  limits!: PlanLimitsDto;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'boolean' }, example: { api_access: true } })
  features!: Record<string, boolean>;
}

export class AccountUsageDto {
  @ApiProperty({ type: 'integer', example: 3 })
  agents!: number;
  @ApiProperty({ type: 'integer', example: 2 })
  runningAgents!: number;
}

export class AccountDto {
  /** @example "acct_a1b2c3d4e5f67890abcdef1234567890" */
  id!: string;
  /** @example "My Company" */
  name!: string;
  plan!: PlanDto;
  usage!: AccountUsageDto;
}
