import { type FactoryProvider, Inject, Injectable, Module } from '@nestjs/common';
import { AgentsModule, AgentsWorkerModule, WorkspaceSources } from '#libs/agents';
import { AuditModule } from '#libs/audit';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { EgressModule } from '#libs/egress';
import { GatewayClientModule } from '#libs/gateway-client';
import { IdentityModule } from '#libs/identity';
import { SecretsModule } from '#libs/secrets';
import { AgentSkillsRepository } from './agent-skills.repository.js';
import { AgentSkillsService, SkillPorts } from './agent-skills.service.js';
import { DisabledDigestsRepository } from './disabling/disabled-digests.repository.js';
import { SkillSwitch } from './disabling/skill-switch.service.js';
import { HostTools } from './host-tools.js';
import { InstallCommits, InstallTables } from './installing/install-commits.js';
import { PlacedSkills } from './installing/placed-skills.js';
import { SkillContents } from './installing/skill-contents.js';
import { SkillDiscards } from './installing/skill-discards.js';
import { SkillInstaller } from './installing/skill-installer.js';
import { SkillInstallsRepository } from './installing/skill-installs.repository.js';
import { PlacingHost, SkillPlacer } from './installing/skill-placer.js';
import { SkillPlacementsRepository } from './installing/skill-placements.repository.js';
import { PublishedSkills } from './published-skills.js';
import { AttachedTools } from './registry/attached-tools.js';
import { OrganisationToolsRepository } from './registry/organisation-tools.repository.js';
import { ToolHost } from './registry/tool-host.js';
import { ToolHostsRepository } from './registry/tool-hosts.repository.js';
import { ToolInstaller } from './registry/tool-installer.js';
import { ToolInstallsRepository } from './registry/tool-installs.repository.js';
import { ToolReporter } from './registry/tool-reporter.js';
import { ToolTables } from './registry/tool-tables.js';
import { ToolPorts, ToolsService } from './registry/tools.service.js';
import { RequiredToolsRepository } from './required-tools.repository.js';
import { SkillOverviewRepository } from './skill-overview.repository.js';
import { SkillSettingsRepository } from './settings/skill-settings.repository.js';
import { SettingPorts, SkillSettingsService } from './settings/skill-settings.service.js';
import { SkillContentsRepository } from './skill-contents.repository.js';
import { BuiltTools, ManualTools, SKILL_TOOLS, type SkillToolsBuilder } from './skill-tools.js';
import { SkillSweeper } from './skill-sweeper.js';
import { SkillSources } from './sources/skill-sources.js';
import { SkillsRepository } from './skills.repository.js';
import { SkillsService } from './skills.service.js';
import { SkillUpdates } from './updating/skill-updates.service.js';

const TABLES = [
  AgentSkillsRepository,
  DisabledDigestsRepository,
  InstallTables,
  SkillContentsRepository,
  SkillInstallsRepository,
  SkillPlacementsRepository,
  SkillsRepository,
];

const TOOL_TABLES = [OrganisationToolsRepository, ToolHostsRepository, ToolInstallsRepository, ToolTables];

/** For whoever serves users. Publishes the verified skills when the program starts. */
@Module({
  imports: [AgentsModule, AuditModule, EgressModule, IdentityModule, SecretsModule],
  providers: [
    ...TABLES,
    ...TOOL_TABLES,
    AgentSkillsService,
    PublishedSkills,
    SettingPorts,
    SkillOverviewRepository,
    SkillPorts,
    SkillSettingsRepository,
    SkillSettingsService,
    SkillSources,
    SkillSwitch,
    SkillUpdates,
    SkillsService,
    ToolPorts,
    ToolsService,
  ],
  exports: [AgentSkillsService, SkillSettingsService, SkillSwitch, SkillUpdates, SkillsService, ToolsService],
})
export class SkillsModule {}

/** For any worker: keeps house. */
@Module({
  providers: [SkillContentsRepository, SkillInstallsRepository, SkillSweeper, ToolInstallsRepository],
  exports: [SkillSweeper],
})
export class SkillsUpkeepModule {}

/** Puts an agent's skills, and the tools they require, among what its instances are made from. */
@Injectable()
class SkillFiles {
  constructor(
    @Inject(WorkspaceSources) sources: WorkspaceSources,
    @Inject(PlacedSkills) skills: PlacedSkills,
    @Inject(HostTools) required: HostTools,
    @Inject(AttachedTools) attached: AttachedTools,
  ) {
    sources.register((agent) => skills.all(agent));
    required.serve(sources);
    attached.serve(sources);
  }
}

const toolsBuilder: FactoryProvider<SkillToolsBuilder> = {
  provide: SKILL_TOOLS,
  inject: [CONTAINER_RUNTIME],
  useFactory: ({ tools }: ContainerRuntime) => (tools === null ? new ManualTools() : new BuiltTools(tools)),
};

/** For the worker of a host: installs skills on its agents. */
@Module({
  imports: [AgentsModule, AgentsWorkerModule, EgressModule, GatewayClientModule],
  providers: [
    ...TABLES,
    ...TOOL_TABLES,
    AttachedTools,
    HostTools,
    InstallCommits,
    PlacedSkills,
    PlacingHost,
    RequiredToolsRepository,
    SkillContents,
    SkillDiscards,
    SkillFiles,
    SkillInstaller,
    SkillPlacer,
    SkillSources,
    ToolHost,
    ToolInstaller,
    ToolReporter,
    toolsBuilder,
  ],
  exports: [HostTools, SKILL_TOOLS, SkillInstaller, SkillPlacer, ToolInstaller, ToolReporter],
})
export class SkillsWorkerModule {}
