import { Inject, Injectable } from '@nestjs/common';
import { AgentsService } from '#libs/agents';
import type { HeartbeatExecution } from '#libs/heartbeats';
import { type Caller, DomainError, type Page, type PageRequest, notFound } from '#libs/kernel';
import { TemplatesService } from '#libs/templates';
import { agentsWith } from '../agent402/agents/agent-status.js';
import type { HeartbeatAgent } from '../agent402/agents/agents.mapper.js';
import { OwnedAgents } from '../agent402/agents/owned-agents.js';
import type { CreateSharedAgentDto, ListSharedAgentsQuery } from './agents.dto.js';
import { toNewAgent } from './agents.mapper.js';

/** Agents where both contracts have the same path. There are no boards and gateways yet: no agent belongs to one. */
@Injectable()
export class SharedAgents {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(OwnedAgents) private readonly owned: OwnedAgents,
    @Inject(TemplatesService) private readonly templates: TemplatesService,
  ) {}

  async list(caller: Caller, query: ListSharedAgentsQuery, page: PageRequest): Promise<Page<HeartbeatAgent>> {
    if (query.board_id !== undefined || query.gateway_id !== undefined) return { items: [], total: 0 };
    const { items, total } = await this.agents.list(caller, { ...page, ...(query.status && agentsWith(query.status)) });
    return { items: await this.owned.withHeartbeats(caller, items), total };
  }

  /** @throws DomainError `forbidden` for another workspace; `not_found` for board and template. */
  async create(
    caller: Caller,
    body: CreateSharedAgentDto,
    id: string | undefined,
    signal: AbortSignal,
  ): Promise<HeartbeatAgent> {
    if (body.workspace_id !== undefined && body.workspace_id !== null && body.workspace_id !== caller.orgId) {
      throw new DomainError('forbidden', 'other_workspace', 'This workspace is not yours');
    }
    const { board_id: boardId, template_id: templateId } = body;
    if (boardId && !body.model && !templateId) throw notFound('Board');
    const template = templateId ? await this.templates.forNewAgent(caller, templateId) : undefined;
    return this.owned.create(caller, toNewAgent(body, template), id, signal);
  }

  async beat(
    caller: Caller,
    id: string,
    execution: string | undefined,
  ): Promise<readonly [HeartbeatAgent, HeartbeatExecution]> {
    const done = await this.owned.beat(caller, id, execution);
    return [await this.owned.read({ ...caller, scopes: ['agents:read'] }, id), done];
  }
}
