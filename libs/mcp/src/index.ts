export {
  type AgentMcpServer,
  type HttpMcpServer,
  type McpServer,
  type McpServers,
  type StdioMcpServer,
  isHttpServer,
  toAgentMcpServers,
} from './mcp-server.js';
export { mcpServerIssues } from './mcp-server-rules.js';
export { filledIn, secretsOf } from './secret-references.js';
