import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';

export class WriteRuleDto {
  /**
   * Markdown, at most 65536 bytes of UTF-8
   * @example "# Handle New Requests\n\nWhen a user sends a new request:\n\n1. Acknowledge receipt"
   */
  @IsString()
  content!: string;
}

export class RuleSummaryDto {
  /** @example "example-new-request" */
  name!: string;
  /** Bytes of UTF-8 */
  @ApiProperty({ type: 'integer', example: 512 })
  size!: number;
}

export class RulesDto {
  @ApiProperty({ type: [RuleSummaryDto] })
  rules!: RuleSummaryDto[];
}

export class RuleDto {
  /** @example "example-new-request" */
  name!: string;
  /** @example "# Handle New Requests\n\nWhen a user sends a new request:\n\n1. Acknowledge receipt" */
  content!: string;
}

export class WrittenRuleDto {
  /** @example "new-request" */
  name!: string;
  /** True when the agent runs: it reads the new content after a restart */
  needsRestart!: boolean;
}

export class DeletedRuleDto {
  /** @example "old-rule" */
  name!: string;
  /** @example true */
  deleted!: boolean;
  /** True when the agent runs: it has the rule until a restart */
  needsRestart!: boolean;
}
