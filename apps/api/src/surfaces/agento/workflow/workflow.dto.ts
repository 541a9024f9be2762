import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';

export class WriteWorkflowDto {
  /**
   * New content of WORKFLOW.md, at most 65536 bytes of UTF-8
   * @example "# Workflow\n\n## Role\n\nCustomer support agent."
   */
  @IsString()
  workflowMd!: string;
}

export class WorkflowDto {
  /** @example "# Workflow\n\n## Role\n\nCustomer support agent." */
  workflowMd!: string;
  @ApiProperty({ type: [String], description: 'Files in rules/', example: ['example-new-request.md'] })
  rules!: string[];
}

export class WrittenWorkflowDto {
  /** @example "# Workflow\n\n## Role\n\nCustomer support agent." */
  workflowMd!: string;
  /** True when the agent runs: it reads the new content after a restart */
  needsRestart!: boolean;
}
