import { Module } from '@nestjs/common';
import { EgressJournal } from './egress-journal.js';
import { EgressPolicy } from './egress-policy.js';

/** What agents may reach and what they were refused. The process must provide config, database and events. */
@Module({ providers: [EgressJournal, EgressPolicy], exports: [EgressJournal, EgressPolicy] })
export class AgentEgressModule {}
