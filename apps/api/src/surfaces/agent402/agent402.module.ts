import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { ConversationsModule } from '#libs/conversations';
import { HeartbeatsModule } from '#libs/heartbeats';
import { MonitoringModule } from '#libs/monitoring';
import { IdentityModule, OidcModule, TeamModule } from '#libs/identity';
import { OrchestrationModule } from '#libs/orchestration';
import { TemplatesModule } from '#libs/templates';
import { PoolHealth } from '../../ops/health/index.js';
import { AgentsController } from './agents/agents.controller.js';
import { OwnedAgents } from './agents/owned-agents.js';
import { ApiKeysController } from './auth/api-keys.controller.js';
import { OidcController } from './auth/oidc.controller.js';
import { PasswordsController } from './auth/passwords.controller.js';
import { TeamController } from './team/team.controller.js';
import { AuthController } from './auth/auth.controller.js';
import { ConversationMessagesController } from './conversations/conversation-messages.controller.js';
import { ConversationsController } from './conversations/conversations.controller.js';
import { DatabaseHealthController, PublicHealthController } from './health/health.controller.js';
import { MonitoringController } from './monitoring/monitoring.controller.js';
import { Personalities } from './personality/personalities.js';
import { PersonalityController } from './personality/personality.controller.js';
import { SECURITY_CONTROLLERS, SECURITY_MODULES } from './security/index.js';
import { SKILLS_CONTROLLERS, SKILLS_MODULES, SKILLS_PROVIDERS } from './skills/index.js';
import { SwarmRunsController } from './swarms/swarm-runs.controller.js';
import { SwarmsController } from './swarms/swarms.controller.js';
import { TemplatesController } from './templates/templates.controller.js';

/** The agent402 surface: its controllers, over the domains it speaks for. */
@Module({
  imports: [
    // one line each
    IdentityModule,
    AgentsModule,
    HeartbeatsModule,
    TemplatesModule,
    MonitoringModule,
    TeamModule,
    OidcModule,
    ConversationsModule,
    OrchestrationModule,
    ...SECURITY_MODULES,
    ...SKILLS_MODULES,
  ],
  controllers: [
    AuthController,
    PasswordsController,
    OidcController,
    ApiKeysController,
    AgentsController,
    PersonalityController,
    TeamController,
    ConversationsController,
    ConversationMessagesController,
    SwarmsController,
    SwarmRunsController,
    TemplatesController,
    MonitoringController,
    DatabaseHealthController,
    PublicHealthController,
    ...SECURITY_CONTROLLERS,
    ...SKILLS_CONTROLLERS,
  ],
  providers: [Personalities, OwnedAgents, PoolHealth, ...SKILLS_PROVIDERS],
  exports: [OwnedAgents],
})
export class Agent402Module {}
