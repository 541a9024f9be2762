import { Module } from '@nestjs/common';
import { AgentsModule } from '#libs/agents';
import { TemplatesModule } from '#libs/templates';
import { Agent402Module } from '../agent402/agent402.module.js';
import { SharedAgentsController } from './agents.controller.js';
import { SharedAgents } from './shared-agents.js';

/** The five routes on agents that two contracts share. */
@Module({
  imports: [AgentsModule, TemplatesModule, Agent402Module],
  controllers: [SharedAgentsController],
  providers: [SharedAgents],
})
export class ApiV1AgentsModule {}
