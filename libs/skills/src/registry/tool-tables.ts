import { Inject, Injectable } from '@nestjs/common';
import { OrganisationToolsRepository } from './organisation-tools.repository.js';
import { ToolHostsRepository } from './tool-hosts.repository.js';
import { ToolInstallsRepository } from './tool-installs.repository.js';

/** The tables of tools. */
@Injectable()
export class ToolTables {
  constructor(
    @Inject(ToolInstallsRepository) readonly installs: ToolInstallsRepository,
    @Inject(OrganisationToolsRepository) readonly tools: OrganisationToolsRepository,
    @Inject(ToolHostsRepository) readonly hosts: ToolHostsRepository,
  ) {}
}
