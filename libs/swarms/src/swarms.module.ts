import { Module } from '@nestjs/common';
import { IdentityModule } from '#libs/identity';
import { SecretsModule } from '#libs/secrets';
import { SwarmDepartures } from './swarm-departures.js';
import { SwarmMembersService } from './swarm-members.service.js';
import { SwarmsRepository } from './swarms.repository.js';
import { SwarmsService } from './swarms.service.js';

/** The process must provide config, database and events. */
@Module({
  imports: [IdentityModule, SecretsModule],
  providers: [SwarmDepartures, SwarmMembersService, SwarmsRepository, SwarmsService],
  exports: [SwarmDepartures, SwarmMembersService, SwarmsService],
})
export class SwarmsModule {}
