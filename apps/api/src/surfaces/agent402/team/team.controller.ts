import { Body, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put } from '@nestjs/common';
import { InvitationsService, InviteAcceptance, TeamService } from '#libs/identity';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { OutcomeDto } from '../auth/auth.dto.js';
import {
  AcceptInviteDto,
  AcceptedDto,
  ChangeRoleDto,
  ChangeStatusDto,
  InviteMemberDto,
  InviteTokenPath,
  InvitedDto,
  MemberDto,
  MemberListDto,
  MemberPath,
} from './team.dto.js';
import { removed, toAcceptance, toAccepted, toInvited, toMember, toMemberList } from './team.mapper.js';

@Agent402Controller('Team', 'api/v1/team/members', true)
export class TeamController {
  constructor(
    @Inject(TeamService) private readonly team: TeamService,
    @Inject(InvitationsService) private readonly invitations: InvitationsService,
    @Inject(InviteAcceptance) private readonly acceptance: InviteAcceptance,
  ) {}

  /** Everybody of the workspace, and who is invited to it. */
  @Get()
  async listMembers(@CallerOf() caller: Caller): Promise<MemberListDto> {
    return toMemberList(await this.team.list(caller));
  }

  /** Invite somebody by e-mail. The token is mailed too, where there is a mail server. */
  @Post('invite')
  @Refuses(409, 422)
  async inviteMember(@CallerOf() caller: Caller, @Body() body: InviteMemberDto): Promise<InvitedDto> {
    return toInvited(await this.invitations.invite(caller, body));
  }

  /** Send an open invite again, also one that has expired, for seven more days. The token of the answer before is void. */
  @Post(':id/resend-invite')
  @HttpCode(200)
  @Refuses(404, 409, 422)
  async resendInvite(@CallerOf() caller: Caller, @Param() { id }: MemberPath): Promise<InvitedDto> {
    return toInvited(await this.invitations.resend(caller, id));
  }

  /** Change a member's role. An owner's only by an owner, and never the last one's. */
  @Patch(':id/role')
  @Refuses(400, 404, 422)
  async changeMemberRole(
    @CallerOf() caller: Caller,
    @Param() { id }: MemberPath,
    @Body() { role }: ChangeRoleDto,
  ): Promise<MemberDto> {
    return toMember(await this.team.changeRole(caller, id, role));
  }

  /** The same as PATCH. */
  @Put(':id/role')
  @Refuses(400, 404, 422)
  async putMemberRole(
    @CallerOf() caller: Caller,
    @Param() { id }: MemberPath,
    @Body() { role }: ChangeRoleDto,
  ): Promise<MemberDto> {
    return toMember(await this.team.changeRole(caller, id, role));
  }

  /** Suspend a member, whose sessions end and whose keys rest, or reinstate them. */
  @Patch(':id/status')
  @Refuses(400, 404, 422)
  async changeMemberStatus(
    @CallerOf() caller: Caller,
    @Param() { id }: MemberPath,
    @Body() { status }: ChangeStatusDto,
  ): Promise<MemberDto> {
    return toMember(await this.team.setStatus(caller, id, status));
  }

  /** Remove a member, or take an invite back. Sessions, keys and places in swarms end at once. */
  @Delete(':id')
  @Refuses(400, 404, 422)
  async removeMember(@CallerOf() caller: Caller, @Param() { id }: MemberPath): Promise<OutcomeDto> {
    return this.team.remove(caller, id).then(removed);
  }

  /** Join by an invite, with the account of its address or a new one. The body may be left out. */
  @Post('accept-invite/:token')
  @HttpCode(200)
  @Refuses(400, 409, 422)
  async acceptInvite(@Param() { token }: InviteTokenPath, @Body() body?: AcceptInviteDto): Promise<AcceptedDto> {
    return toAccepted(await this.acceptance.accept(token, toAcceptance(body)));
  }
}
