import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { ProviderKeys } from './provider-keys.js';
import { SecretVault } from './secret-vault.js';
import { SecretsRepository } from './secrets.repository.js';
import { SecretsService } from './secrets.service.js';
import { ServiceKeysRepository } from './service-keys/service-keys.repository.js';
import { ServiceKeysService } from './service-keys/service-keys.service.js';
import { ServiceProbe } from './service-keys/service-probe.js';

/** Needs ConfigModule, DatabaseModule, EventsModule and LoggerModule. */
@Module({
  imports: [AuditModule],
  providers: [
    ProviderKeys,
    SecretVault,
    SecretsRepository,
    SecretsService,
    ServiceKeysRepository,
    ServiceKeysService,
    ServiceProbe,
  ],
  exports: [SecretsService, ServiceKeysService],
})
export class SecretsModule {}
