import { AuditModule } from '#libs/audit';
import { SecretsModule } from '#libs/secrets';
import { AuditLogsController } from './audit-logs.controller.js';
import { ProviderKeysController } from './provider-keys.controller.js';
import { ServiceKeysController } from './service-keys.controller.js';
import { TokensController } from './tokens.controller.js';

/** Keys and security: what the surface's module lists for them. */
export const SECURITY_MODULES = [AuditModule, SecretsModule];
export const SECURITY_CONTROLLERS = [
  ServiceKeysController,
  ProviderKeysController,
  AuditLogsController,
  TokensController,
];
