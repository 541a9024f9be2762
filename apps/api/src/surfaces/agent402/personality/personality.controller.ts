import { Body, Delete, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import type { Caller } from '#libs/kernel';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { Personalities } from './personalities.js';
import {
  InitializePersonalityDto,
  PersonalityContextDto,
  PersonalityDto,
  PersonalityFileDto,
  PutPersonalityFileDto,
  TaskContextDto,
  TaskContextQuery,
} from './personality.dto.js';
import {
  toMinimalContext,
  toPersonality,
  toPersonalityFile,
  toSystemContext,
  toTaskContext,
} from './personality.mapper.js';

@Agent402Controller('Agent personality', 'api/v1/agents/:id/personality')
export class PersonalityController {
  constructor(@Inject(Personalities) private readonly personalities: Personalities) {}

  /** The eight files that say who the agent is. */
  @Get()
  @Refuses(404)
  async getPersonality(@CallerOf() caller: Caller, @Param('id') id: string): Promise<PersonalityDto> {
    return toPersonality(id, await this.personalities.read(caller, id));
  }

  /** Write all eight from templates; what somebody has written stays unless `force`. */
  @Post('initialize')
  @HttpCode(200)
  @Refuses(404, 422)
  async initializePersonality(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: InitializePersonalityDto,
  ): Promise<PersonalityDto> {
    return toPersonality(id, await this.personalities.initialize(caller, id, body));
  }

  /** Remove all of them; their contents are kept as versions. */
  @Delete()
  @HttpCode(204)
  @Refuses(404)
  async deletePersonality(@CallerOf() caller: Caller, @Param('id') id: string): Promise<void> {
    await this.personalities.removeAll(caller, id);
  }

  /** The files as one text: soul, identity, agents, tools, user and memory. */
  @Get('context/system')
  @Refuses(404)
  async getSystemContext(@CallerOf() caller: Caller, @Param('id') id: string): Promise<PersonalityContextDto> {
    return toSystemContext(await this.personalities.read(caller, id));
  }

  /** The same, and the task at hand. */
  @Get('context/task')
  @Refuses(404, 422)
  async getTaskContext(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Query() query: TaskContextQuery,
  ): Promise<PersonalityContextDto> {
    return toTaskContext(await this.personalities.read(caller, id), query.task_description);
  }

  /** The same, with the task in the body. */
  @Post('context/task')
  @HttpCode(200)
  @Refuses(404, 422)
  async makeTaskContext(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Body() body: TaskContextDto,
  ): Promise<PersonalityContextDto> {
    return toTaskContext(await this.personalities.read(caller, id), body.task_description);
  }

  /** The least that has to be said: identity, and the core ethics of the soul. */
  @Get('context/minimal')
  @Refuses(404)
  async getMinimalContext(@CallerOf() caller: Caller, @Param('id') id: string): Promise<PersonalityContextDto> {
    return toMinimalContext(await this.personalities.read(caller, id));
  }

  /** One of the files. */
  @Get(':fileType')
  @Refuses(400, 404)
  async getPersonalityFile(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('fileType') type: string,
  ): Promise<PersonalityFileDto> {
    return toPersonalityFile(await this.personalities.readOne(caller, id, type));
  }

  /** Replace one of the files; what it said is kept as a version. */
  @Put(':fileType')
  @Refuses(400, 404, 422)
  async putPersonalityFile(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('fileType') type: string,
    @Body() body: PutPersonalityFileDto,
  ): Promise<PersonalityFileDto> {
    return toPersonalityFile(await this.personalities.write(caller, id, type, body.content));
  }

  /** Remove one of the files. */
  @Delete(':fileType')
  @HttpCode(204)
  @Refuses(400, 404)
  async deletePersonalityFile(
    @CallerOf() caller: Caller,
    @Param('id') id: string,
    @Param('fileType') type: string,
  ): Promise<void> {
    await this.personalities.remove(caller, id, type);
  }
}
