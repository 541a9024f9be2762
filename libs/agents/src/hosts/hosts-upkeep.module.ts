import { Module } from '@nestjs/common';
import { AgentJournal } from '../agent-journal.js';
import { HostEvacuation } from './host-evacuation.js';
import { HostsRepository } from './hosts.repository.js';

/** What every worker does about hosts, also one that runs none. */
@Module({ providers: [AgentJournal, HostEvacuation, HostsRepository], exports: [HostEvacuation] })
export class HostsUpkeepModule {}
