import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { answerError, answerJson } from '../http/answer.js';
import { LlmBroker } from './llm-broker.js';
import { EgressProxy } from './proxy/egress-proxy.js';
import { ToolsDoor } from './tools/tools-door.js';
import { McpDoor } from './mcp-door.js';

const LLM_ROUTE = /^\/llm\/(openai|anthropic|google|demo)\/([^?#]+)(?:\?([^#]*))?$/;
const TOOLS_ROUTE = /^\/door\/tools(?:\/([a-z0-9_]{1,64}))?$/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;

/** The agents' way out: everything an agent may reach on the network is behind this door. */
@Injectable()
export class AgentDoor {
  constructor(
    @Inject(LlmBroker) private readonly broker: LlmBroker,
    @Inject(ToolsDoor) private readonly tools: ToolsDoor,
    @Inject(McpDoor) private readonly mcp: McpDoor,
    @Inject(EgressProxy) private readonly proxy: EgressProxy,
  ) {}

  connect(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    return this.proxy.connect(req, socket, head);
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = req.url ?? '/';
    if (url === '/healthz') return answerJson(res, 200, { status: 'ok' });
    if (ABSOLUTE.test(url)) return this.proxy.handle(req, res);
    const tools = TOOLS_ROUTE.exec(url);
    if (tools) return this.tools.handle(req, res, tools[1]);
    if (McpDoor.serves(url)) return this.mcp.handle(req, res);
    const route = LLM_ROUTE.exec(url);
    if (!route) return answerError(res, 404, 'not_found', 'The agent door has no such route');
    const [, provider, path = '', query = ''] = route;
    await this.broker.handle(req, res, {
      provider: provider as 'openai' | 'anthropic' | 'google' | 'demo',
      path,
      query: new URLSearchParams(query),
    });
  }
}
