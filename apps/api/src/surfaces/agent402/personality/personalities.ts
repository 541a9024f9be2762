import { Inject, Injectable } from '@nestjs/common';
import { type AgentFile, AgentFilesService, AgentsService, personalityTemplates } from '#libs/agents';
import { type Caller, notFound } from '#libs/kernel';
import { fileOfType } from './file-types.js';
import type { InitializePersonalityDto } from './personality.dto.js';

const DEFAULT_MODEL = 'claude-sonnet-4-5';

/** Personality files as this contract guards them: the workspace reads, the agent's owner and admins write. */
@Injectable()
export class Personalities {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(AgentFilesService) private readonly files: AgentFilesService,
  ) {}

  async read(caller: Caller, id: string): Promise<AgentFile[]> {
    await this.agents.getOrForbid(caller, id);
    return this.files.personality(caller, id);
  }

  /** @throws DomainError `not_found` for agent and file; code `bad_request` for an unknown type. */
  async readOne(caller: Caller, id: string, type: string): Promise<AgentFile> {
    const path = fileOfType(type);
    const file = (await this.read(caller, id)).find((one) => one.path === path);
    if (!file) throw notFound(path);
    return file;
  }

  async initialize(caller: Caller, id: string, body: InitializePersonalityDto): Promise<AgentFile[]> {
    const agent = await this.agents.getOwn(caller, id);
    const texts = personalityTemplates({
      name: body.agent_name,
      model: body.model ?? agent.config.model ?? DEFAULT_MODEL,
      persona: body.persona ?? agent.persona ?? undefined,
    });
    await this.files.writePersonality(caller, id, texts, { force: body.force ?? false });
    return this.read(caller, id);
  }

  async write(caller: Caller, id: string, type: string, content: string): Promise<AgentFile> {
    const path = fileOfType(type);
    await this.agents.getOwn(caller, id);
    return (await this.files.writeDocument(caller, id, path, content, { field: 'content' })).file;
  }

  async remove(caller: Caller, id: string, type: string): Promise<void> {
    const path = fileOfType(type);
    await this.agents.getOwn(caller, id);
    await this.files.removeDocument(caller, id, path);
  }

  async removeAll(caller: Caller, id: string): Promise<void> {
    await this.agents.getOwn(caller, id);
    await this.files.removePersonality(caller, id);
  }
}
