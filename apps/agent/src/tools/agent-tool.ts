/** JSON Schema of a tool's input, always an object. */
export type InputSchema = Readonly<Record<string, unknown>>;
export type ToolInput = Readonly<Record<string, unknown>>;

/** A tool as the model is offered it. */
export interface AgentTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: InputSchema;
  /**
   * @returns a text, or a JSON value
   * @throws ToolError with what the model should know
   */
  run(input: ToolInput, signal: AbortSignal): unknown;
}

/** A tool's refusal; the message is for the model. */
export class ToolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ToolError';
  }
}

export const objectSchema = (
  properties: Readonly<Record<string, object>>,
  required: readonly string[],
): InputSchema => ({ type: 'object', properties, required, additionalProperties: false });

/** @throws ToolError when the field is not a text of at most `maxLength` characters. */
export function textField(input: ToolInput, field: string, maxLength: number): string {
  const value = input[field];
  if (typeof value !== 'string') throw new ToolError(`'${field}' must be a text.`);
  if (value.length > maxLength) throw new ToolError(`'${field}' may have at most ${maxLength} characters.`);
  return value;
}

/** @throws ToolError when the field is there and not a whole number from 0. */
export function offsetField(input: ToolInput): number {
  const value = input['offset'] ?? 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new ToolError("'offset' must be a whole number from 0.");
}
