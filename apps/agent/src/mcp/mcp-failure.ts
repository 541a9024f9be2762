const MAX_REASON = 300;
const NO_SESSION = 404;

/** Why a server can't be used. `code` is for the log; the message is for the model. */
export class McpFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message.slice(0, MAX_REASON));
    this.name = 'McpFailure';
  }
}

/** What the SDK, the door or the server said, in few words. */
export function toMcpFailure(error: unknown): McpFailure {
  if (error instanceof McpFailure) return error;
  const { code, message } = error instanceof Error ? (error as Error & { code?: unknown }) : { code: '', message: '' };
  const refusal = doorError(message);
  if (refusal) return refusal;
  if (typeof code === 'number' && code >= 100)
    return new McpFailure(`status_${code}`, `it answered with status ${code}`);
  if (typeof code === 'number') return new McpFailure(`mcp_${code}`, message.replace(/^MCP error -?\d+: /, ''));
  if (typeof code === 'string' && code !== '') return new McpFailure(code, `it can't be started or reached (${code})`);
  return new McpFailure(error instanceof Error ? error.name : 'unknown', "it can't be reached");
}

/** The server has forgotten the session, so the message was not acted upon. */
export const isSessionLost = (error: unknown): boolean =>
  error instanceof Error && (error as Error & { code?: unknown }).code === NO_SESSION;

/** The edge's own refusal, which the SDK puts into its message. */
function doorError(message: string): McpFailure | undefined {
  const body = /\{"error":\{.*\}\}/.exec(message)?.[0];
  if (body === undefined) return undefined;
  try {
    const { error } = JSON.parse(body) as { error: { code?: unknown; message?: unknown } };
    if (typeof error.code !== 'string' || typeof error.message !== 'string') return undefined;
    return new McpFailure(error.code, error.message);
  } catch {
    return undefined;
  }
}
