import { Inject, Injectable } from '@nestjs/common';
import { HostSession } from '#libs/agents';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '#libs/containers';
import { Logger } from '#libs/observability';

/** The host that has tools. */
@Injectable()
export class ToolHost {
  constructor(
    @Inject(HostSession) readonly session: HostSession,
    @Inject(CONTAINER_RUNTIME) readonly runtime: ContainerRuntime,
    @Inject(Logger) readonly logger: Logger,
  ) {}
}
