/** One of the agent's MCP servers. Of an HTTP one the edge alone knows the address. */
export type McpServerSettings =
  | { readonly transport: 'http' }
  | {
      readonly transport: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };

export type McpServersSettings = Readonly<Record<string, McpServerSettings>>;

/** Parses `ROOKERY_MCP_SERVERS`. @returns undefined when it is malformed */
export function parseMcpServers(text: string): McpServersSettings | undefined {
  try {
    const servers: unknown = JSON.parse(text);
    return isObject(servers) && Object.values(servers).every(isServer) ? (servers as McpServersSettings) : undefined;
  } catch {
    return undefined;
  }
}

function isServer(server: unknown): boolean {
  if (!isObject(server)) return false;
  if (server['transport'] === 'http') return true;
  const { transport, command, args, env } = server;
  return (
    transport === 'stdio' &&
    isText(command) &&
    Array.isArray(args) &&
    args.every(isText) &&
    isObject(env) &&
    Object.values(env).every(isText)
  );
}

const isText = (value: unknown): boolean => typeof value === 'string';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
