export { AddressRules } from './address-rules.js';
export { EgressError, type EgressCode } from './egress.errors.js';
export { EgressModule } from './egress.module.js';
export {
  DEFAULT_LIMITS,
  Egress,
  type EgressLimits,
  type EgressRequest,
  type EgressResponse,
  bytesOf,
  egressUrl,
} from './egress.js';
export type { Resolve } from './guarded-connector.js';
export { endToEnd } from './headers.js';
export {
  type HostAndPort,
  type HostPattern,
  hostAndPort,
  hostPattern,
  matchesHost,
  namesHost,
} from './host-pattern.js';
