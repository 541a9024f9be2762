import type { CreateSwarm, Swarm, SwarmAgent, SwarmDetails, SwarmMember, UpdateSwarm } from '#libs/swarms';
import { isoTime } from '../agento.paging.js';
import type {
  ChangedSwarmSecretsDto,
  CreateSwarmDto,
  DeletedSwarmDto,
  SwarmAgentDto,
  SwarmDetailsDto,
  SwarmDto,
  SwarmMemberDto,
  UpdateSwarmDto,
} from './swarms.dto.js';

export const toCreateSwarm = ({ name, description, icon }: CreateSwarmDto): CreateSwarm => ({
  name,
  description: description ?? null,
  icon: icon ?? null,
});

export const toUpdateSwarm = ({ name, description, icon }: UpdateSwarmDto): UpdateSwarm => ({
  name,
  description,
  icon,
});

const swarmOf = (swarm: Swarm): SwarmDto => ({
  id: swarm.id,
  name: swarm.name,
  slug: swarm.slug,
  description: swarm.description,
  icon: swarm.icon,
  agentCount: swarm.agentCount,
  memberCount: swarm.memberCount,
  createdAt: isoTime(swarm.createdAt),
  updatedAt: isoTime(swarm.updatedAt),
});

const agentOf = ({ id, name, status, createdAt }: SwarmAgent): SwarmAgentDto => ({
  id,
  name,
  status,
  createdAt: isoTime(createdAt),
});

export const toSwarms = (swarms: readonly Swarm[]): { data: SwarmDto[] } => ({ data: swarms.map(swarmOf) });

export const toSwarm = (swarm: Swarm): { data: SwarmDto } => ({ data: swarmOf(swarm) });

export const toSwarmDetails = (swarm: SwarmDetails): { data: SwarmDetailsDto } => ({
  data: { ...swarmOf(swarm), agents: swarm.agents.map(agentOf) },
});

export const toDeletedSwarm = (id: string): { data: DeletedSwarmDto } => ({ data: { id, deleted: true } });

export const toChangedSwarmSecrets = (names: readonly string[]): { data: ChangedSwarmSecretsDto } => ({
  data: { updated: true, secrets: [...names] },
});

export const toSwarmMembers = (members: readonly SwarmMember[]): { data: SwarmMemberDto[] } => ({
  data: members.map(({ userId, name, addedAt }) => ({ userId, name, addedAt: isoTime(addedAt) })),
});
