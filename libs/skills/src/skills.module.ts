import { type FactoryProvider, Inject, Injectable, Module } from '@nestjs/common';
import { AgentsModule, AgentsWorkerModule, WorkspaceSources } from '#libs/agents';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { IdentityModule } from '#libs/identity';
import { AgentSkillsRepository } from './agent-skills.repository.js';
import { AgentSkillsService, SkillPorts } from './agent-skills.service.js';
import { BuiltTools, ManualTools, SKILL_TOOLS, type SkillToolsBuilder } from './skill-tools.js';
import { SkillSweeper } from './skill-sweeper.js';
import { SkillsRepository } from './skills.repository.js';
import { SkillsService } from './skills.service.js';
import { VerifiedSkills } from './verified-skills.js';

/** For whoever serves users. Publishes the verified skills when the program starts. */
@Module({
  imports: [AgentsModule, IdentityModule],
  providers: [AgentSkillsRepository, AgentSkillsService, SkillPorts, SkillsRepository, SkillsService, VerifiedSkills],
  exports: [AgentSkillsService, SkillsService],
})
export class SkillsModule {}

/** For any worker: keeps house. */
@Module({ providers: [SkillSweeper, SkillsRepository], exports: [SkillSweeper] })
export class SkillsUpkeepModule {}

/** Puts an agent's skills among the files that its instances are made from. */
@Injectable()
class SkillFiles {
  constructor(
    @Inject(WorkspaceSources) sources: WorkspaceSources,
    @Inject(AgentSkillsRepository) installs: AgentSkillsRepository,
  ) {
    sources.register(({ orgId, id }) => installs.files({ orgId }, id));
  }
}

const toolsBuilder: FactoryProvider<SkillToolsBuilder> = {
  provide: SKILL_TOOLS,
  inject: [CONTAINER_RUNTIME],
  useFactory: ({ tools }: ContainerRuntime) => (tools === null ? new ManualTools() : new BuiltTools(tools)),
};

/** For the worker of a host. */
@Module({
  imports: [AgentsWorkerModule],
  providers: [AgentSkillsRepository, SkillFiles, toolsBuilder],
  exports: [SKILL_TOOLS],
})
export class SkillsWorkerModule {}
