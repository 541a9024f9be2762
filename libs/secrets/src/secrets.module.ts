import { Module } from '@nestjs/common';
import { AuditModule } from '#libs/audit';
import { ProviderKeys } from './provider-keys.js';
import { SecretVault } from './secret-vault.js';
import { SecretsRepository } from './secrets.repository.js';
import { SecretsService } from './secrets.service.js';

/** Needs ConfigModule, DatabaseModule, EventsModule and LoggerModule. */
@Module({
  imports: [AuditModule],
  providers: [ProviderKeys, SecretVault, SecretsRepository, SecretsService],
  exports: [SecretsService],
})
export class SecretsModule {}
