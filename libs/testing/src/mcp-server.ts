import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
  createServer,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';

/** What a tool knows of its call. */
export interface McpCall {
  /** Of the request that carried it. */
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
  /** Reports progress, 0 to 1, to a client that asked for it. */
  readonly notify: (progress: number) => Promise<void>;
}

/** A tool of a test's MCP server. */
export interface McpTool extends Tool {
  readonly run: (input: Record<string, unknown>, call: McpCall) => CallToolResult | Promise<CallToolResult>;
}

export const textResult = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });

/** Says back what it is given. */
export const ECHO: McpTool = {
  name: 'echo',
  description: 'Says back what it is given',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  run: ({ text }) => textResult(`echo: ${String(text)}`),
};

/** The MCP SDK's own server, over streamable HTTP on loopback, with sessions. */
export class McpTestServer {
  /** Every request. */
  readonly seen: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  tools: readonly McpTool[] = [ECHO];
  /** Answered instead of everything while it is set. */
  refusal: { readonly status: number; readonly body: object } | undefined;
  private readonly sessions = new Map<string, StreamableHTTPServerTransport>();
  private readonly servers = new Set<Server>();
  private http: HttpServer | undefined;
  private port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  get openSessions(): number {
    return this.sessions.size;
  }

  get boundPort(): number {
    return this.port;
  }

  /** Listens, on the same port as before if it did. */
  async start(address = '127.0.0.1'): Promise<this> {
    const http = createServer((req, res) => {
      this.seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers });
      void this.answer(req, res);
    });
    http.listen(this.port, address);
    await once(http, 'listening');
    this.port = (http.address() as AddressInfo).port;
    this.http = http;
    return this;
  }

  /** Tells every client that `tools` has changed. */
  async announceTools(): Promise<void> {
    await Promise.all([...this.servers].map((server) => server.sendToolListChanged().catch(() => undefined)));
  }

  /** Forgets all sessions, as a restarted server does. */
  forget(): void {
    this.sessions.clear();
    this.servers.clear();
  }

  async stop(): Promise<void> {
    const { http } = this;
    this.http = undefined;
    this.forget();
    if (!http) return;
    http.closeAllConnections();
    http.close();
    await once(http, 'close');
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (this.refusal) {
      res.writeHead(this.refusal.status, { 'content-type': 'application/json' }).end(JSON.stringify(this.refusal.body));
      return;
    }
    const transport = await this.transportFor(req.headers['mcp-session-id']);
    if (transport) await transport.handleRequest(req, res);
    else res.writeHead(404).end();
  }

  private async transportFor(id: string | string[] | undefined): Promise<StreamableHTTPServerTransport | undefined> {
    if (typeof id === 'string') return this.sessions.get(id);
    // Only suites that start a server pay for loading the SDK.
    const http = await import('@modelcontextprotocol/sdk/server/streamableHttp.js');
    const transport: StreamableHTTPServerTransport = new http.StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void this.sessions.set(session, transport),
      onsessionclosed: (session) => void this.sessions.delete(session),
    });
    const server = await mcpServer(() => this.tools);
    this.servers.add(server);
    await server.connect(transport);
    return transport;
  }
}

async function mcpServer(tools: () => readonly McpTool[]): Promise<Server> {
  const sdk = await import('@modelcontextprotocol/sdk/server/index.js');
  const { CallToolRequestSchema, ListToolsRequestSchema } = await import('@modelcontextprotocol/sdk/types.js');
  const server = new sdk.Server({ name: 'test', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools().map(({ run: _run, ...tool }) => tool) }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { requestInfo, signal, sendNotification }) => {
    const tool = tools().find(({ name }) => name === params.name);
    if (!tool) throw new Error(`no tool ${params.name}`);
    const progressToken = params._meta?.progressToken;
    const notify = async (progress: number): Promise<void> => {
      if (progressToken === undefined) return;
      await sendNotification({ method: 'notifications/progress', params: { progressToken, progress } });
    };
    return tool.run(params.arguments ?? {}, { headers: requestInfo?.headers ?? {}, signal, notify });
  });
  return server;
}
