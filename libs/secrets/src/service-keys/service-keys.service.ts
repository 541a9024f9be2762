import { Inject, Injectable } from '@nestjs/common';
import { type Caller, DomainError, conflict, isUuid, notFound, roleAtLeast } from '#libs/kernel';
import { SecretsService } from '../secrets.service.js';
import { type ServiceKey, type ServiceName, maskedKey, secretOf } from './service-key.js';
import { ServiceKeysRepository } from './service-keys.repository.js';
import { type ProbeResult, ServiceProbe } from './service-probe.js';

export interface StoreKey {
  readonly service: ServiceName;
  readonly key: string;
  /** Ask the service first, and store only what it accepts. */
  readonly validate?: boolean;
  /** Put it in the place of one that is there. */
  readonly replace?: boolean;
}

/** An organisation's keys for services: stored as its secrets, shown masked, checked with the services. */
@Injectable()
export class ServiceKeysService {
  constructor(
    @Inject(ServiceKeysRepository) private readonly keys: ServiceKeysRepository,
    @Inject(SecretsService) private readonly secrets: SecretsService,
    @Inject(ServiceProbe) private readonly probe: ServiceProbe,
  ) {}

  /** @throws DomainError `forbidden` for all but users. */
  async list(caller: Caller): Promise<readonly ServiceKey[]> {
    if (caller.kind !== 'user') throw new DomainError('forbidden', 'forbidden', 'Service keys are for users');
    return this.keys.list(caller);
  }

  /**
   * @throws DomainError `forbidden` below ADMIN, `validation` for a malformed key, `conflict` (`key_exists`),
   * `unprocessable` (`key_refused`) when it was to be validated and was not accepted.
   */
  async store(caller: Caller, wish: StoreKey): Promise<ServiceKey & { readonly isNew: boolean }> {
    requireAdmin(caller);
    const { service } = wish;
    const key = wish.key.trim();
    if (!wish.replace && (await this.keys.find(this.keys.database, caller, service))) throw keyExists(service);
    if (wish.validate) await this.requireValid(service, key);
    return this.keys.database.transaction(async (tx) => {
      await this.secrets.put(tx, caller, { kind: 'organisation', id: caller.orgId }, { [secretOf(service)]: key });
      const row = await this.keys.save(tx, caller, {
        service,
        maskedKey: maskedKey(key),
        isValidated: wish.validate ?? false,
      });
      // Two that store the first key at once take turns at the secret: the second one sees the row here.
      if (!row.isNew && !wish.replace) throw keyExists(service);
      return row;
    });
  }

  /** Asks the service about the stored key, and notes what it says. @throws DomainError `forbidden`, `not_found`. */
  async verify(caller: Caller, service: ServiceName): Promise<ProbeResult> {
    requireAdmin(caller);
    const row = await this.keys.find(this.keys.database, caller, service);
    const key = row && (await this.secrets.organisationSecret(caller, secretOf(service)));
    if (!row || key === undefined) throw notFound(`API key for ${service}`);
    const result = await this.probe.ask(service, key);
    if (result.verdict !== 'unknown') await this.keys.judge(caller, row, result.verdict === 'valid');
    return result;
  }

  /** Asks the service about a key that is not stored, and does not become so. @throws DomainError `forbidden`. */
  async test(caller: Caller, service: ServiceName, key: string): Promise<ProbeResult> {
    requireAdmin(caller);
    return this.probe.ask(service, key.trim());
  }

  /** The broker stops using it at once. @throws DomainError `forbidden`, `not_found`. */
  async remove(caller: Caller, id: string): Promise<void> {
    requireAdmin(caller);
    await this.keys.database.transaction(async (tx) => {
      const service = isUuid(id) ? await this.keys.remove(tx, caller, id) : undefined;
      if (!service) throw notFound('API key');
      await this.secrets.remove(tx, caller, { kind: 'organisation', id: caller.orgId }, [secretOf(service)]);
    });
  }

  private async requireValid(service: ServiceName, key: string): Promise<void> {
    const { verdict, message } = await this.probe.ask(service, key);
    if (verdict !== 'valid') throw new DomainError('unprocessable', 'key_refused', message);
  }
}

function requireAdmin(caller: Caller): void {
  if (caller.kind === 'user' && roleAtLeast(caller.role, 'ADMIN')) return;
  throw new DomainError('forbidden', 'forbidden', 'Managing service keys needs the role ADMIN');
}

const keyExists = (service: ServiceName): DomainError =>
  conflict('key_exists', `There is a key for ${service} already; delete it first`);
