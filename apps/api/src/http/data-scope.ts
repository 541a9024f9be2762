import { Inject, Injectable } from '@nestjs/common';
import { AgentReach, type NamedThings } from '#libs/agents';
import type { Caller } from '#libs/kernel';
import type { ApiRequest } from './request.js';

/** Lists that show only what the caller's data scope covers, so that they may be asked although they name nothing. */
const NARROWED: ReadonlySet<string> = new Set(['GET /v1/agents', 'GET /api/v1/agents']);

/**
 * Keeps callers with a data scope to routes whose path names an agent or swarm of it. What names none is refused: that
 * includes every route that is still to come.
 */
@Injectable()
export class DataScope {
  constructor(@Inject(AgentReach) private readonly reach: AgentReach) {}

  /** @throws DomainError `forbidden`. */
  async admit(request: ApiRequest, caller: Caller): Promise<void> {
    if (caller.dataScope === undefined) return;
    const template = request.routeOptions.url ?? '';
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (NARROWED.has(`${method} ${template}`)) return;
    const named = namedIn(template, request.params as Readonly<Record<string, string>>);
    // What is written to a swarm may name agents in its body, and an agent of the swarm is in the scope.
    const isSwarmWrite = method !== 'GET' && named.agents.length === 0;
    await this.reach.require(caller, isSwarmWrite ? { agents: [], swarms: [] } : named);
  }
}

/** The agents and swarms in a path: the parameters that stand after `agents` and `swarms`. */
export function namedIn(template: string, params: Readonly<Record<string, string>>): NamedThings {
  const parts = template.split('/');
  const after = (noun: string): string[] =>
    parts.flatMap((part, index) =>
      part.startsWith(':') && parts[index - 1] === noun ? [params[part.slice(1)] ?? ''] : [],
    );
  return { agents: after('agents'), swarms: after('swarms') };
}
