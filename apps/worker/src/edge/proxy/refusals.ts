import { Inject, Injectable } from '@nestjs/common';
import { EgressJournal, type RefusedHostData } from '#libs/agents';
import { Logger, RateLimitedLogger } from '#libs/observability';
import type { AdmittedAgent } from '../agent-gate.js';
import type { ProxyTarget } from './proxy-request.js';

const WINDOW_MS = 10 * 60_000;
/** Hosts of one agent that are written down in one window. */
const MOST_HOSTS = 20;

interface Window {
  readonly endsAtMs: number;
  readonly hosts: Set<string>;
}

/** Writes refused hosts to the agents' events: each once in ten minutes, at most twenty and a last word. */
@Injectable()
export class Refusals {
  private readonly windows = new Map<string, Window>();
  private readonly log: RateLimitedLogger;
  protected nowMs: () => number = () => performance.now();

  constructor(
    @Inject(EgressJournal) private readonly journal: EgressJournal,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'egress-proxy' }));
  }

  /** Resolves when it is written; what can't be written is logged and may be written next time. */
  async note(agent: AdmittedAgent, target: ProxyTarget, reason: RefusedHostData['reason']): Promise<void> {
    const { hosts } = this.window(agent.agentId);
    const key = `${target.host} ${target.port}`;
    if (hosts.has(key) || hosts.size > MOST_HOSTS) return;
    const isLast = hosts.size === MOST_HOSTS;
    hosts.add(key);
    try {
      await this.journal.refused(agent, agent.agentId, {
        host: isLast ? null : target.host,
        port: isLast ? null : target.port,
        reason,
      });
    } catch (error) {
      hosts.delete(key);
      this.log.warn('a refused host was not written down', { error });
    }
  }

  private window(agentId: string): Window {
    const now = this.nowMs();
    const known = this.windows.get(agentId);
    if (known && known.endsAtMs > now) return known;
    for (const [id, { endsAtMs }] of this.windows) if (endsAtMs <= now) this.windows.delete(id);
    const window = { endsAtMs: now + WINDOW_MS, hosts: new Set<string>() };
    this.windows.set(agentId, window);
    return window;
  }
}
