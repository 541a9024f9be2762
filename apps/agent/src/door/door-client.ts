import { log } from '../log.js';
import type { AgentTool, InputSchema, ToolInput } from '../tools/agent-tool.js';
import { ToolError } from '../tools/agent-tool.js';

const LIST_TIMEOUT_MS = 3000;
const LIST_KEPT_MS = 30_000;
/** After a failure the door is left alone for this long, so that it doesn't slow every turn. */
const LIST_PAUSE_MS = 10_000;
const MAX_TOOLS = 100;
const MAX_DESCRIPTION = 4000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_REASON = 1000;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** For whom a tool is called. */
export interface DoorContext {
  readonly peerId?: string;
  readonly sessionId?: string;
}

interface Offered {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: InputSchema;
}

/** The tools that the control plane offers this agent through the edge. A door that fails never fails a turn. */
export class DoorClient {
  private offered: readonly Offered[] = [];
  private askAgainAt = 0;
  private asking: Promise<void> | undefined;

  /** @param baseUrl for example `http://127.0.0.1:4101/door`; without one there are no such tools */
  constructor(
    private readonly baseUrl: string | undefined,
    private readonly token: string,
  ) {}

  /** What may be used now, or what could be when the door last answered. */
  async tools(context: DoorContext): Promise<AgentTool[]> {
    if (this.baseUrl !== undefined && Date.now() >= this.askAgainAt) {
      await (this.asking ??= this.refresh().finally(() => (this.asking = undefined)));
    }
    return this.offered.map((tool) => ({
      ...tool,
      run: (input, signal) => this.call(tool.name, input, context, signal),
    }));
  }

  private async refresh(): Promise<void> {
    try {
      const answer = await this.ask('tools', { signal: AbortSignal.timeout(LIST_TIMEOUT_MS) });
      if (answer.status !== 200) throw new Error(`status ${answer.status}`);
      this.offered = offeredIn(answer.body);
      this.askAgainAt = Date.now() + LIST_KEPT_MS;
    } catch (error) {
      this.askAgainAt = Date.now() + LIST_PAUSE_MS;
      log('warn', `the door's tools can't be listed: ${reasonOf(error)}`);
    }
  }

  private async call(name: string, input: ToolInput, context: DoorContext, signal: AbortSignal): Promise<unknown> {
    const { status, body } = await this.ask(`tools/${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input, context }),
      signal,
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new ToolError(`The tool can't be reached just now (${reasonOf(error)}).`);
    });
    if (status === 200) return field(body, 'output') ?? null;
    const message = field(field(body, 'error'), 'message');
    if (status < 500 && typeof message === 'string') throw new ToolError(message.slice(0, MAX_REASON));
    throw new ToolError(`The tool failed (status ${status}).`);
  }

  private async ask(path: string, init: RequestInit): Promise<{ status: number; body: unknown }> {
    const headers = { ...init.headers, authorization: `Bearer ${this.token}` };
    const response = await fetch(`${this.baseUrl}/${path}`, { ...init, headers, redirect: 'error' });
    const text = await bounded(response);
    try {
      return { status: response.status, body: JSON.parse(text) as unknown };
    } catch {
      return { status: response.status === 200 ? 502 : response.status, body: undefined };
    }
  }
}

async function bounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('too large an answer');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function offeredIn(body: unknown): Offered[] {
  const tools = field(body, 'tools');
  if (!Array.isArray(tools)) throw new Error('malformed list');
  return tools.slice(0, MAX_TOOLS).flatMap((tool: unknown) => {
    const name = field(tool, 'name');
    const description = field(tool, 'description');
    const inputSchema = field(tool, 'inputSchema');
    if (typeof name !== 'string' || !NAME.test(name) || field(inputSchema, 'type') !== 'object') return [];
    const described = typeof description === 'string' ? description.slice(0, MAX_DESCRIPTION) : '';
    return [{ name, description: described, inputSchema: inputSchema as InputSchema }];
  });
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** Never the URL or the body: only what kind of failure it was. */
function reasonOf(error: unknown): string {
  const code = field(field(error, 'cause'), 'code');
  if (typeof code === 'string') return code;
  return error instanceof Error ? (error.name === 'Error' ? error.message : error.name) : 'unknown';
}
