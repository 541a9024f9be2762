import { log } from '../log.js';
import { type AgentTool, type InputSchema, ToolError, type ToolInput } from '../tools/agent-tool.js';
import { type McpFailure, isSessionLost, toMcpFailure } from './mcp-failure.js';
import { type McpSession, openSession } from './mcp-session.js';
import type { McpServerSettings } from './mcp-settings.js';
import { toolName } from './tool-names.js';
import { resultText } from './tool-results.js';

const IDLE_MS = 300_000;
const LIST_KEPT_MS = 300_000;
/** After a failure a server is left alone for this long, so that it doesn't slow every turn. */
const PAUSE_MS = 15_000;

/** What all servers of an agent have in common. */
export interface McpWorld {
  /** For example `http://127.0.0.1:4101/door`. */
  readonly doorUrl: string;
  readonly token: string;
  readonly workspace: string;
}

interface Open {
  readonly session: McpSession;
  tools: readonly AgentTool[];
  listedAt: number;
}

/** One server: connected by the first turn that needs it, kept between turns, let go after five quiet minutes. */
export class McpConnection {
  private opening: Promise<Open> | undefined;
  private failure: { readonly error: McpFailure; readonly until: number } | undefined;
  private idle: NodeJS.Timeout | undefined;
  private calls = 0;

  constructor(
    private readonly name: string,
    private readonly server: McpServerSettings,
    private readonly world: McpWorld,
  ) {}

  /** @throws McpFailure */
  async tools(): Promise<readonly AgentTool[]> {
    try {
      return await this.listed();
    } catch (error) {
      if (!isSessionLost(error)) throw this.failed(error);
    }
    await this.close();
    return this.listed().catch((error: unknown) => {
      throw this.failed(error);
    });
  }

  /** Ends the session; the next use opens another. */
  async close(): Promise<void> {
    clearTimeout(this.idle);
    const opening = this.opening;
    this.opening = undefined;
    await opening?.then(
      ({ session }) => session.close(),
      () => undefined,
    );
  }

  private async listed(): Promise<readonly AgentTool[]> {
    const open = await this.open();
    if (Date.now() - open.listedAt > LIST_KEPT_MS) {
      open.tools = await this.list(open.session);
      open.listedAt = Date.now();
    }
    return open.tools;
  }

  private open(): Promise<Open> {
    this.rest();
    if (this.opening) return this.opening;
    if (this.failure && Date.now() < this.failure.until) return Promise.reject(this.failure.error);
    const opening = this.connect(() => {
      if (this.opening === opening) this.opening = undefined;
    });
    this.opening = opening;
    opening.catch(() => {
      if (this.opening === opening) this.opening = undefined;
    });
    return opening;
  }

  private async connect(onLost: () => void): Promise<Open> {
    const open: { current?: Open } = {};
    const session = await openSession(this.name, this.server, this.world, {
      onLost,
      onToolsChanged: () => {
        if (open.current) open.current.listedAt = 0;
      },
    });
    try {
      open.current = { session, tools: await this.list(session), listedAt: Date.now() };
    } catch (error) {
      await session.close();
      throw error;
    }
    this.failure = undefined;
    log('info', `MCP server ${this.name} offers ${open.current.tools.length} tools`);
    return open.current;
  }

  private async list(session: McpSession): Promise<AgentTool[]> {
    return (await session.tools()).map((tool) => ({
      name: toolName(this.name, tool.name),
      description: tool.description,
      inputSchema: tool.inputSchema as InputSchema,
      run: (input, signal) => this.call(tool.name, input, signal),
    }));
  }

  private async call(tool: string, input: ToolInput, signal: AbortSignal): Promise<string> {
    this.calls += 1;
    try {
      return resultText(await this.callOnceMore(tool, input, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ToolError) throw error;
      throw new ToolError(`The tool failed: ${toMcpFailure(error).message}`);
    } finally {
      this.calls -= 1;
      this.rest();
    }
  }

  /** Repeats the call only where the server did not know the session, and so did nothing. */
  private async callOnceMore(...call: Parameters<McpSession['call']>): ReturnType<McpSession['call']> {
    try {
      return await (await this.open()).session.call(...call);
    } catch (error) {
      if (!isSessionLost(error)) throw error;
    }
    await this.close();
    return (await this.open()).session.call(...call);
  }

  private failed(error: unknown): McpFailure {
    const failure = toMcpFailure(error);
    if (failure === this.failure?.error) return failure;
    this.failure = { error: failure, until: Date.now() + PAUSE_MS };
    log('warn', `MCP server ${this.name} can't be used: ${failure.code}`);
    void this.close();
    return failure;
  }

  private rest(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => {
      if (this.calls === 0) void this.close();
    }, IDLE_MS);
    this.idle.unref();
  }
}
