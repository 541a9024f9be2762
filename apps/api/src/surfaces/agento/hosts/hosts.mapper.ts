import type { Host } from '#libs/agents';
import { isoTime, isoTimeOrNull } from '../agento.paging.js';
import type { HostDto, ListHostsQuery } from './hosts.dto.js';

export const toHostDto = (host: Host): HostDto => ({
  id: host.id,
  region: host.region,
  runtime: host.runtime,
  state: host.state,
  draining: host.draining,
  capacity: host.capacityAgents,
  agents: host.agents,
  leaving: host.leaving,
  incarnation: host.incarnation,
  heartbeatAt: isoTime(host.heartbeatAt),
  deadSince: isoTimeOrNull(host.deadSince),
  createdAt: isoTime(host.createdAt),
});

export const toHostAnswer = (host: Host): { data: HostDto } => ({ data: toHostDto(host) });

/** `limit` above 100 is lowered to it. */
export const hostWindow = ({ limit = 50, offset = 0 }: ListHostsQuery): { limit: number; offset: number } => ({
  limit: Math.min(limit, 100),
  offset,
});
