import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { type Scope, notFound } from '#libs/kernel';
import { OrganisationRepository } from './organisation.repository.js';
import { type Plan, planOf } from './plans.js';

/** An organisation with what its plan allows. */
export interface OrganisationAccount {
  readonly id: string;
  readonly name: string;
  /** Name of the plan, for example `self-hosted`. */
  readonly plan: string;
  readonly limits: Plan['limits'];
  readonly features: Plan['features'];
}

@Injectable()
export class OrganisationsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OrganisationRepository) private readonly organisations: OrganisationRepository,
  ) {}

  /** @throws DomainError `not_found`. */
  async account(scope: Scope): Promise<OrganisationAccount> {
    const row = await this.organisations.find(this.database, scope);
    if (!row) throw notFound('Organisation');
    return { id: row.id, name: row.name, plan: row.plan, ...planOf(row.plan) };
  }
}
