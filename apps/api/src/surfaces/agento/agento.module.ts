import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { ConversationsModule } from '#libs/conversations';
import { IdentityModule } from '#libs/identity';
import { KnowledgeFilesModule, KnowledgeModule } from '#libs/knowledge';
import { SkillsModule } from '#libs/skills';
import { SwarmsModule } from '#libs/swarms';
import { TasksModule } from '#libs/tasks';
import { UsageModule } from '#libs/usage';
import { AccountController } from './account/account.controller.js';
import { AgentLifecycleController } from './agents/agent-lifecycle.controller.js';
import { AgentsController } from './agents/agents.controller.js';
import { SettledAgents } from './agents/settled-agents.js';
import { BudgetsController } from './budgets/budgets.controller.js';
import { ChatController } from './chat/chat.controller.js';
import { RunStreams } from './chat/run-streams.js';
import { RunsController } from './chat/runs.controller.js';
import { FollowedLogs } from './logs/followed-logs.js';
import { HostsController } from './hosts/hosts.controller.js';
import { KnowledgeController } from './knowledge/knowledge.controller.js';
import { KnowledgeFilesController } from './knowledge/knowledge-files.controller.js';
import { LogsController } from './logs/logs.controller.js';
import { PersonalityController } from './personality/personality.controller.js';
import { RulesController } from './rules/rules.controller.js';
import { SecretsController } from './secrets/secrets.controller.js';
import { AgentSkillsController } from './skills/agent-skills.controller.js';
import { DisabledSkillsController } from './skills/disabled-skills.controller.js';
import { SettledSkills } from './skills/settled-skills.js';
import { SkillUpdatesController } from './skills/skill-updates.controller.js';
import { SkillsController } from './skills/skills.controller.js';
import { SwarmTeamsController } from './swarms/swarm-teams.controller.js';
import { SwarmsController } from './swarms/swarms.controller.js';
import { TasksController } from './tasks/tasks.controller.js';
import { UsageController } from './usage/usage.controller.js';
import { WorkflowController } from './workflow/workflow.controller.js';

/** The agento surface: its controllers, over the domains it speaks for. */
@Module({
  imports: [
    AgentsModule,
    ConversationsModule,
    IdentityModule,
    SkillsModule,
    SwarmsModule,
    TasksModule,
    UsageModule,
    KnowledgeModule,
    KnowledgeFilesModule,
  ],
  controllers: [
    AgentsController,
    AgentLifecycleController,
    ChatController,
    RunsController,
    LogsController,
    SecretsController,
    PersonalityController,
    WorkflowController,
    RulesController,
    SkillsController,
    AgentSkillsController,
    SkillUpdatesController,
    DisabledSkillsController,
    SwarmsController,
    SwarmTeamsController,
    KnowledgeController,
    KnowledgeFilesController,
    TasksController,
    UsageController,
    BudgetsController,
    AccountController,
    HostsController,
  ],
  providers: [FollowedLogs, RunStreams, SettledAgents, SettledSkills],
})
export class AgentoModule {}
