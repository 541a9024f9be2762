import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, PLATFORM_SCOPE, done } from '#libs/audit';
import { Database } from '#libs/database';
import { Notices } from '#libs/events';
import { DomainError, type Scope, notFound } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { SecretsService } from '#libs/secrets';
import { CREDENTIAL_TOPIC } from '../credentials/credential.service.js';
import { OrganisationDeletionRepository } from './organisation-deletion.repository.js';
import { OrganisationDepartures } from './organisation-departures.js';
import { OrganisationRepository, type OrganisationRow } from './organisation.repository.js';

const OPERATOR = { subject: 'operator' };
const AT_ONCE = 10;

/** What a deletion writes to besides its own tables. */
@Injectable()
export class DeletionPorts {
  constructor(
    @Inject(SecretsService) readonly secrets: SecretsService,
    @Inject(AuditLog) readonly audit: AuditLog,
    @Inject(Notices) readonly notices: Notices,
    @Inject(Logger) readonly logger: Logger,
  ) {}
}

/**
 * Ends an organisation, for the operator of the installation alone: no HTTP route leads here. `begin` is one transaction,
 * after which nobody gets in and no secret can be read; workers then take apart what is left, however often they are killed.
 */
@Injectable()
export class OrganisationDeletions {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OrganisationRepository) private readonly organisations: OrganisationRepository,
    @Inject(OrganisationDeletionRepository) private readonly deletions: OrganisationDeletionRepository,
    @Inject(OrganisationDepartures) private readonly departures: OrganisationDepartures,
    @Inject(DeletionPorts) private readonly ports: DeletionPorts,
  ) {}

  /** @throws DomainError `not_found`. */
  async find(idOrSlug: string): Promise<OrganisationRow> {
    const row = await this.organisations.findByIdOrSlug(this.database, idOrSlug);
    if (!row) throw notFound('Organisation');
    return row;
  }

  async exists(scope: Scope): Promise<boolean> {
    return (await this.organisations.find(this.database, scope)) !== undefined;
  }

  /**
   * Takes its power from every credential, destroys secrets and data keys, and leaves the rest to the workers. Repeating
   * it changes nothing. @throws DomainError `not_found`, `conflict` when it would take the last platform admin.
   */
  begin(scope: Scope): Promise<void> {
    const { audit, notices, secrets } = this.ports;
    return this.database.transaction(async (tx) => {
      if (!(await this.deletions.mark(tx, scope))) throw notFound('Organisation');
      if (await this.deletions.takesLastAdmin(tx, scope)) throw lastAdmin();
      for (const userId of await this.deletions.dismissMembers(tx, scope)) {
        notices.notifyAfter(tx, CREDENTIAL_TOPIC, `user:${userId}`);
      }
      await secrets.destroy(tx, scope);
      await audit.append(tx, PLATFORM_SCOPE, done(OPERATOR, 'organisation.delete', `organisation:${scope.orgId}`));
    });
  }

  /** Takes every organisation that is being deleted a step further; a worker does it by the clock. */
  async advance(signal: AbortSignal): Promise<void> {
    for (const scope of await this.deletions.deleting(this.database, AT_ONCE)) {
      if (signal.aborted) return;
      try {
        await this.step(scope, signal);
      } catch (error) {
        if (!signal.aborted) this.ports.logger.warn('An organisation could not be deleted yet', { ...scope, error });
      }
    }
  }

  private async step(scope: Scope, signal: AbortSignal): Promise<void> {
    if (!(await this.departures.run(scope, signal))) return;
    await this.database.transaction((tx) => this.deletions.remove(tx, scope));
    this.ports.logger.info('An organisation was deleted', { ...scope });
  }
}

const lastAdmin = (): DomainError =>
  new DomainError(
    'conflict',
    'last_platform_admin',
    'It has the only platform admin: make another first (npm run admin:create)',
  );
