import type { AgentFile, RuleFile } from '#libs/agents';
import type { DeletedRuleDto, RuleDto, RulesDto, WrittenRuleDto } from './rules.dto.js';

export const toRules = (rules: readonly RuleFile[]): { data: RulesDto } => ({
  data: { rules: rules.map(({ name, sizeBytes }) => ({ name, size: sizeBytes })) },
});

export const toRule = (name: string, { content }: AgentFile): { data: RuleDto } => ({ data: { name, content } });

export const toWrittenRule = (
  name: string,
  { needsRestart }: { readonly needsRestart: boolean },
): { data: WrittenRuleDto } => ({ data: { name, needsRestart } });

export const toDeletedRule = (
  name: string,
  { needsRestart }: { readonly needsRestart: boolean },
): { data: DeletedRuleDto } => ({ data: { name, deleted: true, needsRestart } });
