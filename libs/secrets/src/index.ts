export { type KeyRotation, type RotationOptions, type RotationReport, keyRotation } from './key-rotation.js';
export type { KeyHolder } from './provider-keys.js';
export {
  MCP_SECRET_PREFIX,
  PROVIDER_SECRET,
  type Provider,
  type SecretOwner,
  isMcpSecret,
  requireGoodSecrets,
  secretProblem,
} from './secret-rules.js';
export { SERVICES, type ServiceKey, type ServiceName } from './service-keys/service-key.js';
export { ServiceKeysService, type StoreKey } from './service-keys/service-keys.service.js';
export type { ProbeResult } from './service-keys/service-probe.js';
export { SecretsModule } from './secrets.module.js';
export { SecretsService } from './secrets.service.js';
