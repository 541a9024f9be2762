import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { EgressPolicy, type EgressStanding } from '#libs/agents';
import { matchesHost } from '#libs/egress';
import { Notices } from '#libs/events';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { RegistryAccess } from './registry-access.js';
import { type Tunnel, Tunnels } from './tunnels.js';

const LOOK_EVERY_MS = 2_000;
/** Without an answer from Postgres for this long nobody knows who may still talk: all are cut. */
const BLIND_MS = 30_000;

/** Cuts the tunnels of instances that have ended or been replaced, and those to hosts that are approved no more. */
@Injectable()
export class TunnelWatch implements OnModuleInit, OnApplicationShutdown {
  readonly tunnels = new Tunnels();
  private readonly log: RateLimitedLogger;
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private looking: Promise<void> | undefined;
  private again = false;
  private knownAtMs = performance.now();

  constructor(
    @Inject(EgressPolicy) private readonly policy: EgressPolicy,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'egress-proxy' }));
  }

  onModuleInit(): void {
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    this.unsubscribe = this.notices.subscribe('agent', (agentId) => {
      if (this.tunnels.has(agentId)) this.look();
    });
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.unsubscribe?.();
    this.tunnels.keep(() => false);
    await this.looking;
  }

  private look(): void {
    if (this.looking) {
      this.again = true;
      return;
    }
    this.again = false;
    this.looking = this.check().finally(() => {
      this.looking = undefined;
      if (this.again) this.look();
    });
  }

  private async check(): Promise<void> {
    const agents = this.tunnels.agents.filter((id) => !RegistryAccess.isBuild(id));
    if (agents.length === 0) {
      this.knownAtMs = performance.now();
      return;
    }
    try {
      const standing = await this.policy.standing(agents);
      this.knownAtMs = performance.now();
      const checked = new Set(agents);
      this.tunnels.keep((tunnel) => !checked.has(tunnel.agent.agentId) || isGood(tunnel, standing));
    } catch (error) {
      this.log.warn('open tunnels could not be checked', { error });
      if (performance.now() - this.knownAtMs > BLIND_MS) this.tunnels.keep(() => false);
    }
  }
}

function isGood({ agent, target }: Tunnel, standing: ReadonlyMap<string, EgressStanding>): boolean {
  const now = standing.get(agent.agentId);
  return now?.epoch === agent.epoch && matchesHost(now.approved, target.host, target.port);
}
