import { Body, Delete, Get, Inject, Param, Put } from '@nestjs/common';
import { AgentSwarmsService } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import { SwarmMembersService, SwarmsService } from '#libs/swarms';
import { CallerOf } from '../../../http/caller-of.js';
import { AgentoController, AnswersData, AnswersList, Refuses } from '../agento.openapi.js';
import { ChangeSecretsDto } from '../secrets/secrets.dto.js';
import { toChangeSecrets } from '../secrets/secrets.mapper.js';
import { ChangedSwarmSecretsDto, SwarmDetailsDto, SwarmMemberDto } from './swarms.dto.js';
import { toChangedSwarmSecrets, toSwarmDetails, toSwarmMembers } from './swarms.mapper.js';

/** What the published contract has no route for: who is in a swarm, and the credentials its agents share. */
@AgentoController('Swarms', 'v1/swarms/:id')
export class SwarmTeamsController {
  constructor(
    @Inject(SwarmsService) private readonly swarms: SwarmsService,
    @Inject(SwarmMembersService) private readonly members: SwarmMembersService,
    @Inject(AgentSwarmsService) private readonly agents: AgentSwarmsService,
  ) {}

  /** Put an agent into the swarm; one of another swarm changes over. */
  @Put('agents/:agentId')
  @AnswersData(SwarmDetailsDto, 'The swarm with the agent')
  @Refuses(404)
  async assignAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('agentId') agentId: string,
  ): Promise<{ data: SwarmDetailsDto }> {
    return toSwarmDetails(await this.agents.assign(caller, id, agentId).then(() => this.swarms.overview(caller, id)));
  }

  /** Take an agent out of the swarm. */
  @Delete('agents/:agentId')
  @AnswersData(SwarmDetailsDto, 'The swarm without the agent')
  @Refuses(404)
  async unassignAgent(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('agentId') agentId: string,
  ): Promise<{ data: SwarmDetailsDto }> {
    return toSwarmDetails(await this.agents.unassign(caller, id, agentId).then(() => this.swarms.overview(caller, id)));
  }

  /** The people of the swarm, in the order in which they were added, at most 1000. */
  @Get('members')
  @AnswersList(SwarmMemberDto, 'The members')
  @Refuses(404)
  async listMembers(@CallerOf() caller: Caller, @Param('id') id: string): Promise<{ data: SwarmMemberDto[] }> {
    return toSwarmMembers(await this.members.list(caller, id));
  }

  /** Add a user of the account to the swarm. */
  @Put('members/:userId')
  @AnswersList(SwarmMemberDto, 'The members')
  @Refuses(404)
  async addMember(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('userId') userId: string,
  ): Promise<{ data: SwarmMemberDto[] }> {
    return toSwarmMembers(await this.members.add(caller, id, userId));
  }

  /** Take a user out of the swarm. */
  @Delete('members/:userId')
  @AnswersList(SwarmMemberDto, 'The members')
  @Refuses(404)
  async removeMember(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('userId') userId: string,
  ): Promise<{ data: SwarmMemberDto[] }> {
    return toSwarmMembers(await this.members.remove(caller, id, userId));
  }

  /** Store, replace and delete secrets that all agents of the swarm share. They are kept encrypted and never shown. */
  @Put('secrets')
  @AnswersData(ChangedSwarmSecretsDto, 'The secrets were changed')
  @Refuses(400, 404, 413)
  async updateSwarmSecrets(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: ChangeSecretsDto,
  ): Promise<{ data: ChangedSwarmSecretsDto }> {
    return toChangedSwarmSecrets(await this.swarms.changeSecrets(caller, id, toChangeSecrets(body)));
  }
}
