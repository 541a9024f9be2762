import type { AgentFile, RuleFile, WrittenFile } from '#libs/agents';
import type { WorkflowDto, WrittenWorkflowDto } from './workflow.dto.js';

export const toWorkflow = (read: { workflow: AgentFile; rules: readonly RuleFile[] }): { data: WorkflowDto } => ({
  data: { workflowMd: read.workflow.content, rules: read.rules.map(({ name }) => `${name}.md`) },
});

export const toWrittenWorkflow = ({ file, needsRestart }: WrittenFile): { data: WrittenWorkflowDto } => ({
  data: { workflowMd: file.content, needsRestart },
});
