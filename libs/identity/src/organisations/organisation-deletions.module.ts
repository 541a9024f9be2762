import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { SecretsModule } from '#libs/secrets';
import { OrganisationDeletionRepository } from './organisation-deletion.repository.js';
import { DeletionPorts, OrganisationDeletions } from './organisation-deletions.js';
import { OrganisationDeparturesModule } from './organisation-departures.js';
import { OrganisationRepository } from './organisation.repository.js';

/** For workers and the operator's command. Needs ConfigModule, DatabaseModule, EventsModule and LoggerModule. */
@Module({
  imports: [AuditModule, OrganisationDeparturesModule, SecretsModule],
  providers: [DeletionPorts, OrganisationDeletionRepository, OrganisationDeletions, OrganisationRepository],
  exports: [OrganisationDeletions],
})
export class OrganisationDeletionsModule {}
