import { Body, Get, Inject, Param, Put } from '@nestjs/common';
import { AgentFilesService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, Refuses } from '../agento.openapi.js';
import { WorkflowDto, WriteWorkflowDto, WrittenWorkflowDto } from './workflow.dto.js';
import { toWorkflow, toWrittenWorkflow } from './workflow.mapper.js';

@AgentoController('Workflow', 'v1/agents/:id/workflow')
export class WorkflowController {
  constructor(@Inject(AgentFilesService) private readonly files: AgentFilesService) {}

  /** What a running agent does: WORKFLOW.md, and the names of the rule files it can follow. */
  @Get()
  @AnswersData(WorkflowDto, 'The workflow')
  @Refuses(404, 409)
  async getWorkflow(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: WorkflowDto }> {
    return toWorkflow(await this.files.workflow(caller, id));
  }

  /** Replace WORKFLOW.md. */
  @Put()
  @AnswersData(WrittenWorkflowDto, 'WORKFLOW.md was replaced')
  @Refuses(400, 404, 413)
  async updateWorkflow(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() { workflowMd }: WriteWorkflowDto,
  ): Promise<{ data: WrittenWorkflowDto }> {
    return toWrittenWorkflow(
      await this.files.writeDocument(caller, id, 'WORKFLOW.md', workflowMd, { field: 'workflowMd' }),
    );
  }
}
