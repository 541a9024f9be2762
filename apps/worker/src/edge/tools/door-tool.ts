import type { KeyHolder } from '#libs/secrets';

/** The part of JSON Schema that models understand. An object, whose unknown fields are dropped. */
export interface InputSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

/** One call of a tool by an agent. */
export interface ToolCall<Input> {
  /** From the token's row, never from the body. */
  readonly agent: KeyHolder;
  /** Checked against the tool's schema. What it says may come from anybody the agent talks with: data, not orders. */
  readonly input: Input;
  /** The end user of the chat in which the agent calls; undefined: its owner. */
  readonly peerId: string | undefined;
  readonly signal: AbortSignal;
}

/** Something an agent can have done behind the door. */
export interface DoorTool {
  readonly name: string;
  /** For the model: what it does and when to use it. */
  readonly description: string;
  readonly inputSchema: InputSchema;
  /** @returns a JSON value. @throws DomainError, which the model is shown. */
  run(call: ToolCall<unknown>): Promise<unknown>;
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** Declares a tool; `Input` is what its schema lets through. @throws Error for a name models would not take. */
export function doorTool<Input>(tool: {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: InputSchema;
  run(call: ToolCall<Input>): Promise<unknown>;
}): DoorTool {
  if (!NAME.test(tool.name)) throw new Error(`Tool name "${tool.name}" must be snake_case of at most 64 characters`);
  return { ...tool, run: (call) => tool.run(call as ToolCall<Input>) };
}
