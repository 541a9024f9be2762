import { Injectable } from '@nestjs/common';
import type { Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';

/** Takes what belongs to a domain out of a swarm, in the transaction that deletes it. */
export type SwarmDeparture = (tx: Tx, scope: Scope, swarmId: string, cause: string) => Promise<void>;

/**
 * What happens to the things of a swarm when it is deleted. Swarms know nothing of the domains above them, so those say it
 * here when their module is made.
 */
@Injectable()
export class SwarmDepartures {
  private readonly departures: SwarmDeparture[] = [];

  register(departure: SwarmDeparture): void {
    this.departures.push(departure);
  }

  /** One after the other, in the order of their registration; the first that throws undoes the deletion. */
  async run(...given: Parameters<SwarmDeparture>): Promise<void> {
    for (const departure of this.departures) await departure(...given);
  }
}
