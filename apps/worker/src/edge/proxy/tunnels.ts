import { DomainError } from '#libs/kernel';
import type { AdmittedAgent } from '../agent-gate.js';
import type { ProxyTarget } from './proxy-request.js';

/** Open at once, of one agent. */
export const MOST_TUNNELS = 64;

/** One way out that an agent holds open: a CONNECT tunnel or a plain request under way. */
export interface Tunnel {
  readonly agent: AdmittedAgent;
  readonly target: ProxyTarget;
  /** Aborts when the tunnel has to end. */
  readonly signal: AbortSignal;
  /** To be called once it is over, and harmless after that. */
  close(): void;
}

/** All ways out that are open. */
export class Tunnels {
  private readonly byAgent = new Map<string, Map<Tunnel, AbortController>>();

  constructor(private readonly most = MOST_TUNNELS) {}

  /** @throws DomainError `rate_limited` when the agent has too many. */
  open(agent: AdmittedAgent, target: ProxyTarget): Tunnel {
    const own = this.byAgent.get(agent.agentId) ?? new Map<Tunnel, AbortController>();
    if (own.size >= this.most) throw tooMany(this.most);
    const end = new AbortController();
    const tunnel = { agent, target, signal: end.signal, close: () => this.drop(tunnel) };
    this.byAgent.set(agent.agentId, own.set(tunnel, end));
    return tunnel;
  }

  /** Agents that have some. */
  get agents(): readonly string[] {
    return [...this.byAgent.keys()];
  }

  get size(): number {
    return [...this.byAgent.values()].reduce((sum, own) => sum + own.size, 0);
  }

  has(agentId: string): boolean {
    return this.byAgent.has(agentId);
  }

  /** Ends those that are not `wanted`. @returns how many. */
  keep(wanted: (tunnel: Tunnel) => boolean): number {
    let cut = 0;
    for (const own of [...this.byAgent.values()]) {
      for (const [tunnel, end] of [...own]) {
        if (wanted(tunnel)) continue;
        this.drop(tunnel);
        end.abort(new DomainError('forbidden', 'egress_ended', 'The agent may not reach this host any more'));
        cut += 1;
      }
    }
    return cut;
  }

  private drop(tunnel: Tunnel): void {
    const own = this.byAgent.get(tunnel.agent.agentId);
    if (own?.delete(tunnel) && own.size === 0) this.byAgent.delete(tunnel.agent.agentId);
  }
}

const tooMany = (most: number): DomainError =>
  new DomainError('rate_limited', 'egress_too_many', `An agent may hold ${most} connections open at once`);
