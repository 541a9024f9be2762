import { SERVICE_NAMES, type ServiceName } from '#libs/config';

/** Services whose keys an organisation can store. Source: agent402, `POST /settings/api-keys`. */
export const SERVICES = SERVICE_NAMES;
export type { ServiceName };

/** A stored key as it may be shown. */
export interface ServiceKey {
  readonly id: string;
  readonly service: ServiceName;
  readonly maskedKey: string;
  /** False once the service has refused it. */
  readonly isActive: boolean;
  /** When the service last accepted it. */
  readonly lastValidatedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Name of the secret that holds a service's key; those of model providers are the ones the broker looks for. */
export const secretOf = (service: ServiceName): string => `${service}_api_key`;

const PREFIX = /^(sk-ant-|sk-proj-|sk-|hf_|gsk_|AIza)/;
/** With fewer hidden characters than this, what is shown would say too much. */
const LEAST_HIDDEN = 8;

/** The known prefix and the last four characters: `sk-ant-***…1234`. A short key is hidden altogether. */
export function maskedKey(key: string): string {
  const prefix = PREFIX.exec(key)?.[0] ?? '';
  return key.length - prefix.length - 4 < LEAST_HIDDEN ? '********' : `${prefix}***…${key.slice(-4)}`;
}
