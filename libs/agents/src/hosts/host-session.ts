import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '#libs/config';
import { DomainError } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { HostLock } from './host-lock.js';
import type { HostsRepository } from './hosts.repository.js';

const PATIENCE_MS = 6_000;
const RETRY_MS = 250;
/** Well below the 30 s after which others may take this host's agents. */
const LEASE_MS = 15_000;

/** A worker's time as the one worker of its host: from the lock and a new incarnation to the end of the process. */
export class HostSession {
  readonly lost: Promise<string>;
  private reportLoss: (reason: string) => void = () => undefined;
  private lock!: HostLock;
  private number = 0;
  private closed = false;
  private beatAt = { wallMs: 0, steadyMs: 0 };

  private constructor(
    readonly id: string,
    private readonly hosts: HostsRepository,
    private readonly logger: Logger,
  ) {
    this.lost = new Promise((resolve) => (this.reportLoss = resolve));
  }

  /** Raised at each start of a worker of this host; claims of earlier ones are void. */
  get incarnation(): number {
    return this.number;
  }

  /**
   * False when the last beat is so old that others may take this host's agents soon or have taken them: before it acts,
   * a worker has to beat again and read anew. Both clocks are asked: one may stand still while the machine sleeps.
   */
  get holdsLease(): boolean {
    const { wallMs, steadyMs } = this.beatAt;
    return Math.max(Date.now() - wallMs, performance.now() - steadyMs) < LEASE_MS;
  }

  /** @throws DomainError code `host_taken` when another worker runs this host. */
  static async open(config: Config, hosts: HostsRepository, logger: Logger): Promise<HostSession> {
    const session = new HostSession(config.host.id, hosts, logger);
    session.lock = new HostLock(config.databaseUrl, config.host.id, () => void session.regain());
    const until = Date.now() + PATIENCE_MS;
    while (!(await session.lock.tryAcquire())) {
      if (Date.now() > until) {
        throw new DomainError(
          'conflict',
          'host_taken',
          `Another worker already runs the host "${config.host.id}": stop it, or give this one its own HOST_ID`,
        );
      }
      await sleep(RETRY_MS);
    }
    session.beatAt = { wallMs: Date.now(), steadyMs: performance.now() };
    session.number = await hosts.register({
      id: config.host.id,
      region: config.host.region,
      runtime: config.runtime,
      edgeUrl: config.edge.url,
      capacityAgents: config.agent.capacity,
    });
    logger.info('Host registered', { hostId: session.id, incarnation: session.number });
    return session;
  }

  /** Says that the host lives. Throws while Postgres is away. */
  async beat(): Promise<void> {
    const before = { wallMs: Date.now(), steadyMs: performance.now() };
    if (!(await this.lock.tryAcquire())) {
      this.reportLoss(`Another worker has taken the lock on host "${this.id}"`);
    } else if (!(await this.hosts.beat(this.id, this.number))) {
      this.reportLoss(`A later worker has taken over host "${this.id}"`);
    } else {
      this.beatAt = before;
    }
  }

  /** Nothing more is placed here, and the next worker can start at once. */
  async close(): Promise<void> {
    this.closed = true;
    await this.hosts
      .silence(this.id, this.number)
      .catch((error: unknown) => this.logger.debug('The host could not be signed off', { error }));
    await this.lock.release();
  }

  /** The lock's connection dropped, as in a restart of Postgres: takes the lock again before anybody else does. */
  private async regain(): Promise<void> {
    this.logger.warn('The connection that holds the lock on this host is lost; taking it again', { hostId: this.id });
    while (!this.closed) {
      const held = await this.lock.tryAcquire().catch(() => undefined);
      if (held === true) return this.beat().catch(() => undefined);
      if (held === false) return this.reportLoss(`Another worker has taken the lock on host "${this.id}"`);
      await sleep(RETRY_MS);
    }
  }
}
