import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { log } from '../log.js';
import { proxyVariables } from '../proxy-variables.js';
import type { ToolInput } from '../tools/agent-tool.js';
import type { McpWorld } from './mcp-connection.js';
import type { McpServerSettings } from './mcp-settings.js';

const CONNECT_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 60_000;
const GOODBYE_TIMEOUT_MS = 1000;
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
const MAX_PAGES = 10;
const MAX_TOOLS = 100;
const MAX_DESCRIPTION = 1000;
const MAX_SCHEMA = 16_384;
const MAX_ERROR_LINES = 100;

/** A tool as its server calls it. */
export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: object;
}

/** An open session with one server. */
export interface McpSession {
  /** At most 100; what is too large for a model's request is left out. */
  tools(): Promise<OfferedTool[]>;
  call(tool: string, input: ToolInput, signal: AbortSignal): Promise<CallToolResult>;
  close(): Promise<void>;
}

export interface McpEvents {
  /** The connection is gone. */
  readonly onLost: () => void;
  readonly onToolsChanged: () => void;
}

interface Line {
  readonly transport: Transport;
  /** Tells the server that the session is over. */
  readonly leave: () => Promise<void>;
}

/** Connects. The SDK is loaded by the first call, so that an agent without servers stays small. @throws Error of the SDK */
export async function openSession(
  name: string,
  server: McpServerSettings,
  world: McpWorld,
  events: McpEvents,
): Promise<McpSession> {
  const sdk = await import('../sdk/mcp.js');
  const client = new sdk.Client({ name: 'rookery', version: '1.0.0' });
  const { transport, leave } =
    server.transport === 'http' ? httpLine(sdk, name, world) : await stdioLine(name, server, world);
  client.onclose = events.onLost;
  client.setNotificationHandler(sdk.ToolListChangedNotificationSchema, events.onToolsChanged);
  const close = async (): Promise<void> => {
    client.onclose = () => undefined;
    await leave().catch(() => undefined);
    await client.close().catch(() => undefined);
  };
  try {
    await client.connect(transport, { timeout: CONNECT_TIMEOUT_MS });
  } catch (error) {
    await close();
    throw error;
  }
  // `request` and not `listTools` and `callTool`, which compile the schemas that a server sends.
  return {
    tools: async () => {
      const tools: OfferedTool[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES && tools.length < MAX_TOOLS; page += 1) {
        const params = cursor === undefined ? {} : { cursor };
        const list = { method: 'tools/list' as const, params };
        const answer = await client.request(list, sdk.ListToolsResultSchema, { timeout: CONNECT_TIMEOUT_MS });
        tools.push(...answer.tools.flatMap(offered));
        cursor = answer.nextCursor;
        if (cursor === undefined) break;
      }
      return tools.slice(0, MAX_TOOLS);
    },
    call: (tool, input, signal) =>
      client.request({ method: 'tools/call', params: { name: tool, arguments: input } }, sdk.CallToolResultSchema, {
        signal,
        timeout: CALL_TIMEOUT_MS,
      }),
    close,
  };
}

function httpLine(sdk: typeof import('../sdk/mcp.js'), name: string, { doorUrl, token }: McpWorld): Line {
  const headers = { authorization: `Bearer ${token}` };
  const transport = new sdk.StreamableHTTPClientTransport(new URL(`${doorUrl}/mcp/${name}`), {
    requestInit: { headers },
  });
  const leave = (): Promise<void> => {
    const patience = new Promise<void>((done) => setTimeout(done, GOODBYE_TIMEOUT_MS).unref());
    return Promise.race([transport.terminateSession(), patience]);
  };
  return { transport, leave };
}

async function stdioLine(
  name: string,
  { command, args, env }: Extract<McpServerSettings, { transport: 'stdio' }>,
  { workspace }: McpWorld,
): Promise<Line> {
  const { StdioClientTransport } = await import('../sdk/mcp-stdio.js');
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    // The SDK adds HOME and PATH and nothing of ours.
    env: { ...proxyVariables(), ...env },
    cwd: workspace,
    stderr: 'pipe',
    maxBufferSize: MAX_MESSAGE_BYTES,
  });
  logErrors(name, transport.stderr as Readable | null);
  return { transport, leave: () => Promise.resolve() };
}

function logErrors(name: string, stderr: Readable | null): void {
  if (!stderr) return;
  let lines = 0;
  createInterface({ input: stderr }).on('line', (line) => {
    lines += 1;
    if (lines <= MAX_ERROR_LINES) log('info', `MCP server ${name}: ${line}`);
  });
}

function offered(tool: { name: string; description?: string | undefined; inputSchema: object }): OfferedTool[] {
  const { $schema: _dialect, ...inputSchema } = tool.inputSchema as { $schema?: unknown };
  if (JSON.stringify(inputSchema).length > MAX_SCHEMA) return [];
  return [{ name: tool.name, description: (tool.description ?? '').slice(0, MAX_DESCRIPTION), inputSchema }];
}
