import { Injectable, Module } from '@nestjs/common';
import type { Scope } from '#libs/kernel';

/**
 * Takes what belongs to a domain out of an organisation that is being deleted, a bounded part at a time; repeating it
 * after a crash changes nothing. @returns true when nothing is left of it.
 */
export type OrganisationDeparture = (scope: Scope, signal: AbortSignal) => Promise<boolean>;

/**
 * What happens to the things of an organisation that is deleted. Identity knows nothing of the domains above it, so those
 * say it here when their module is made. Rows that go with the organisation's (ON DELETE CASCADE) and are few need nothing.
 */
@Injectable()
export class OrganisationDepartures {
  private readonly departures: OrganisationDeparture[] = [];

  register(departure: OrganisationDeparture): void {
    this.departures.push(departure);
  }

  /** One step of every domain. @returns true when none has anything left. */
  async run(...given: Parameters<OrganisationDeparture>): Promise<boolean> {
    let isEmpty = true;
    for (const departure of this.departures) isEmpty = (await departure(...given)) && isEmpty;
    return isEmpty;
  }
}

/** The register alone, for domains that need nothing else of identity. */
@Module({ providers: [OrganisationDepartures], exports: [OrganisationDepartures] })
export class OrganisationDeparturesModule {}
