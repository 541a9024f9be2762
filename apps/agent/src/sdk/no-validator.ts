/**
 * Stands in for the MCP SDK's JSON Schema compiler in the bundle (scripts/build-agent.mjs), which would run schemas of servers as
 * code. What a tool gives goes to the model, whatever its schema promised.
 */
export class AjvJsonSchemaValidator {
  getValidator<T>(): (input: unknown) => { valid: true; data: T; errorMessage: undefined } {
    return (input) => ({ valid: true, data: input as T, errorMessage: undefined });
  }
}
