import { Body, Get, HttpCode, HttpStatus, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Caller } from '#libs/kernel';
import { ServiceKeysService } from '#libs/secrets';
import { CallerOf } from '../../../http/caller-of.js';
import { Agent402Controller, Refuses } from '../agent402.openapi.js';
import { ServiceKeyDto, ServiceParam, StoreKeyDto, StoreNamedKeyDto, VerifiedKeyDto } from './service-keys.dto.js';
import { toReplacingKey, toServiceKey, toVerifiedKey } from './service-keys.mapper.js';

@Agent402Controller('Service keys', 'api/v1/api-keys', true)
export class ServiceKeysController {
  constructor(@Inject(ServiceKeysService) private readonly keys: ServiceKeysService) {}

  /** The keys your workspace has for services, masked. */
  @Get()
  async listServiceKeys(@CallerOf() caller: Caller): Promise<ServiceKeyDto[]> {
    return (await this.keys.list(caller)).map(toServiceKey);
  }

  /** Store a key, its service named in the body; one that is there is replaced, which answers 200. */
  @Post()
  @ApiCreatedResponse({ type: ServiceKeyDto })
  @Refuses(422)
  async storeNamedServiceKey(
    @CallerOf() caller: Caller,
    @Body() body: StoreNamedKeyDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ServiceKeyDto> {
    return this.stored(reply, await this.keys.store(caller, toReplacingKey(body.service_name, body.api_key)));
  }

  /** Store a key for a service; one that is there is replaced, which answers 200. */
  @Post(':service')
  @ApiCreatedResponse({ type: ServiceKeyDto })
  @Refuses(422)
  async storeServiceKey(
    @CallerOf() caller: Caller,
    @Param() { service }: ServiceParam,
    @Body() body: StoreKeyDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ServiceKeyDto> {
    return this.stored(reply, await this.keys.store(caller, toReplacingKey(service, body.api_key)));
  }

  /** Ask the service whether it accepts the stored key. */
  @Post(':service/verify')
  @HttpCode(200)
  @Refuses(404, 422)
  async verifyServiceKey(@CallerOf() caller: Caller, @Param() { service }: ServiceParam): Promise<VerifiedKeyDto> {
    return toVerifiedKey(service, await this.keys.verify(caller, service));
  }

  /** The same with GET. */
  @Get(':service/verify')
  @Refuses(404, 422)
  async readVerifiedServiceKey(@CallerOf() caller: Caller, @Param() param: ServiceParam): Promise<VerifiedKeyDto> {
    return this.verifyServiceKey(caller, param);
  }

  private stored(reply: FastifyReply, key: Parameters<typeof toServiceKey>[0] & { isNew: boolean }): ServiceKeyDto {
    void reply.status(key.isNew ? HttpStatus.CREATED : HttpStatus.OK);
    return toServiceKey(key);
  }
}
