export { type KeyRotation, type RotationOptions, type RotationReport, keyRotation } from './key-rotation.js';
export type { KeyHolder } from './provider-keys.js';
export { PROVIDER_SECRET, type Provider, type SecretOwner, requireGoodSecrets, secretProblem } from './secret-rules.js';
export { SecretsModule } from './secrets.module.js';
export { SecretsService } from './secrets.service.js';
