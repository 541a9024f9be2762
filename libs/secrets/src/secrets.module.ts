import { Module } from '@nestjs/common';
import { ProviderKeys } from './provider-keys.js';
import { SecretVault } from './secret-vault.js';
import { SecretsRepository } from './secrets.repository.js';
import { SecretsService } from './secrets.service.js';

/** Needs ConfigModule, DatabaseModule and EventsModule. */
@Module({
  providers: [ProviderKeys, SecretVault, SecretsRepository, SecretsService],
  exports: [SecretsService],
})
export class SecretsModule {}
