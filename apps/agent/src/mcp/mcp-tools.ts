import { log } from '../log.js';
import type { AgentTool } from '../tools/agent-tool.js';
import { McpConnection, type McpWorld } from './mcp-connection.js';
import { toMcpFailure } from './mcp-failure.js';
import type { McpServersSettings } from './mcp-settings.js';

/** Of all servers together: providers take about 128 tools in one request. */
const MAX_TOOLS = 100;

/** What MCP servers give a turn. */
export interface McpEquipment {
  readonly tools: readonly AgentTool[];
  /** A part of the system prompt; empty when all is well. */
  readonly section: string;
}

/** Tools of the agent's MCP servers. A server that fails never fails a turn: the model is told that it is missing. */
export class McpTools {
  private readonly connections: ReadonlyMap<string, McpConnection>;

  /** @param runtime programs are started in `docker` only */
  constructor(
    servers: McpServersSettings,
    world: Omit<McpWorld, 'doorUrl'> & { readonly doorUrl: string | undefined },
    runtime: string,
  ) {
    const { doorUrl = '' } = world;
    const usable = Object.entries(servers).filter(([name, { transport }]) => {
      const works = transport === 'http' ? doorUrl !== '' : runtime === 'docker';
      if (!works) log('warn', `MCP server ${name} (${transport}) can't be used in this runtime`);
      return works;
    });
    this.connections = new Map(
      usable.map(([name, server]) => [name, new McpConnection(name, server, { ...world, doorUrl })]),
    );
  }

  /** @throws the signal's reason */
  async equip(signal: AbortSignal): Promise<McpEquipment> {
    if (this.connections.size === 0) return { tools: [], section: '' };
    const tools = new Map<string, AgentTool>();
    const missing: string[] = [];
    const offers = [...this.connections].map(async ([name, connection]) => {
      try {
        return await connection.tools();
      } catch (error) {
        missing.push(`- ${name}: ${toMcpFailure(error).message}`);
        return [];
      }
    });
    for (const tool of (await unlessAborted(Promise.all(offers), signal)).flat()) {
      if (tools.size < MAX_TOOLS && !tools.has(tool.name)) tools.set(tool.name, tool);
    }
    return { tools: [...tools.values()], section: sectionOf(missing) };
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    await Promise.all([...this.connections.values()].map((connection) => connection.close()));
  }
}

const sectionOf = (missing: string[]): string =>
  missing.length === 0
    ? ''
    : `# Tools that are missing now\n\nThese servers can't be used just now, and their tools are missing. Say so when one would be needed.\n\n${missing.sort().join('\n')}`;

/** Opening a session is for later turns too, so it is left to go on. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
