import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { answerError, answerJson } from './answer.js';
import { LlmBroker } from './llm-broker.js';

const LLM_ROUTE = /^\/llm\/(openai|anthropic|google|demo)\/([^?#]+)(?:\?([^#]*))?$/;

/** The agents' way out: everything an agent may reach on the network is behind this door. */
@Injectable()
export class AgentDoor {
  constructor(@Inject(LlmBroker) private readonly broker: LlmBroker) {}

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = req.url ?? '/';
    if (url === '/healthz') return answerJson(res, 200, { status: 'ok' });
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
