import { Inject, Injectable } from '@nestjs/common';
import { TOOL_REGISTRY } from './tool-registry.js';
import { ToolHostsRepository } from './tool-hosts.repository.js';
import { ToolHost } from './tool-host.js';

/** Writes down what this host has: from it the API tells what is ready. */
@Injectable()
export class ToolReporter {
  constructor(
    @Inject(ToolHost) private readonly host: ToolHost,
    @Inject(ToolHostsRepository) private readonly hosts: ToolHostsRepository,
  ) {}

  async report(signal: AbortSignal): Promise<void> {
    const { runtime, session } = this.host;
    const wanted = await this.hosts.wantedOn(session.id);
    const digests = (await runtime.tools?.present(wanted)) ?? [];
    const programs = await runtime.programs(
      TOOL_REGISTRY.map(({ bin }) => bin),
      signal,
    );
    signal.throwIfAborted();
    await this.hosts.report(session.id, { methods: runtime.tools?.methods ?? [], programs, digests });
  }
}
