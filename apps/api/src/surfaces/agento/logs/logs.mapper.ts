import type { LogLine } from '#libs/agents';
import type { AgentLogsDto } from './logs.dto.js';

export const toAgentLogs = (lines: readonly LogLine[]): { data: AgentLogsDto } => ({
  data: { logs: lines.map(({ line }) => `${line}\n`).join('') },
});
