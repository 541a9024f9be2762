/** A server that the edge reaches for the agent. Headers and query values may hold `${secret:mcp_…}`. */
export interface HttpMcpServer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A program that the agent starts beside itself, in its own container. */
export interface StdioMcpServer {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export type McpServer = HttpMcpServer | StdioMcpServer;

/** `config.mcpServers` of an agent, by name. */
export type McpServers = Readonly<Record<string, McpServer>>;

/** What an agent is told about one of its servers (`ROOKERY_MCP_SERVERS`). */
export type AgentMcpServer =
  { readonly transport: 'http' } | ({ readonly transport: 'stdio' } & Required<StdioMcpServer>);

export const isHttpServer = (server: McpServer): server is HttpMcpServer => 'url' in server;

/** Without what only the edge may know (addresses and headers), and without programs where none may be started. */
export function toAgentMcpServers(servers: McpServers, stdioWorks: boolean): Record<string, AgentMcpServer> {
  return Object.fromEntries(
    Object.entries(servers).flatMap(([name, server]): [string, AgentMcpServer][] => {
      if (isHttpServer(server)) return [[name, { transport: 'http' }]];
      const { command, args = [], env = {} } = server;
      return stdioWorks ? [[name, { transport: 'stdio', command, args, env }]] : [];
    }),
  );
}
