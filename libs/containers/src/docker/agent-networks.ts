import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { DomainError } from '#libs/kernel';
import { engineMessage, statusOf, unlessMissing } from './engine-errors.js';
import { agentObject, LABELS } from './naming.js';
import { type AddressRange, type AgentSubnet, freeBlocks, parseCidr, parsePool, subnetAt } from './subnets.js';

/** An agent's own network as the engine keeps it. */
export interface AgentNetwork {
  readonly id: string;
  readonly name: string;
  readonly subnet: AgentSubnet;
}

/** Tries that lost a block to somebody else before the allocation gives up. */
const MOST_RACES = 64;
/** Until a network that is being made is in the engine's list, or a twin is gone from it. */
const RACE_WAIT_MS = 20;

/**
 * One internal bridge per agent, a /29 of the pool each. The engine's own list is the only register: it refuses
 * overlapping subnets, so whoever loses a race takes the next block.
 */
export class AgentNetworks {
  private readonly pool: AddressRange;

  constructor(
    private readonly docker: Docker,
    private readonly hostId: string,
    pool: string,
  ) {
    this.pool = parsePool(pool);
  }

  /** @throws DomainError `no_capacity` when the pool has no free block. */
  async ensure(agentId: string): Promise<AgentNetwork> {
    for (let races = 0; races < MOST_RACES; races++) {
      const all = await this.docker.listNetworks();
      const found = all.find(({ Name }) => Name === agentObject(agentId));
      if (found !== undefined) return toAgentNetwork(found);
      const free = this.freeSubnet(all, agentId);
      if (free === undefined && !hasTwins(all)) break;
      if (free !== undefined && (await this.create(agentId, free))) await this.dropTwins(agentId);
      else await sleep(RACE_WAIT_MS);
    }
    throw noSubnet();
  }

  /**
   * The subnet that `ensure` gives the agent unless somebody else takes it first.
   * @throws DomainError `no_capacity` when the pool has no free block.
   */
  async expected(agentId: string): Promise<AgentSubnet> {
    const all = await this.docker.listNetworks();
    const found = all.find(({ Name }) => Name === agentObject(agentId));
    const subnet = found === undefined ? this.freeSubnet(all, agentId) : toAgentNetwork(found).subnet;
    if (subnet === undefined) throw noSubnet();
    return subnet;
  }

  private freeSubnet(all: readonly Docker.NetworkInspectInfo[], agentId: string): AgentSubnet | undefined {
    const ranges = all.flatMap(({ IPAM }) => (IPAM?.Config ?? []).map(({ Subnet }) => parseCidr(Subnet ?? '')));
    const taken = ranges.filter((range) => range !== undefined);
    const free = freeBlocks(this.pool, taken, agentId).next();
    return free.done === true ? undefined : subnetAt(free.value);
  }

  async find(agentId: string): Promise<AgentNetwork | undefined> {
    const network = await unlessMissing<Docker.NetworkInspectInfo>(
      this.docker.getNetwork(agentObject(agentId)).inspect(),
    );
    return network === undefined ? undefined : toAgentNetwork(network);
  }

  /** All networks of this host's agents. */
  async list(): Promise<AgentNetwork[]> {
    const filters = { label: [`${LABELS.host}=${this.hostId}`, LABELS.agent] };
    return (await this.docker.listNetworks({ filters })).map(toAgentNetwork);
  }

  /** Removes the network with whoever is still on it. */
  async remove(agentId: string): Promise<void> {
    const network = this.docker.getNetwork(agentObject(agentId));
    const found = await unlessMissing<Docker.NetworkInspectInfo>(network.inspect());
    if (found === undefined) return;
    for (const member of Object.keys(found.Containers ?? {})) {
      await unlessMissing(network.disconnect({ Container: member, Force: true }));
    }
    await unlessMissing(network.remove());
  }

  /** False when another network took the block first. */
  private async create(agentId: string, subnet: AgentSubnet): Promise<boolean> {
    try {
      await this.docker.createNetwork({
        Name: agentObject(agentId),
        CheckDuplicate: true,
        Driver: 'bridge',
        Internal: true,
        IPAM: { Driver: 'default', Config: [{ Subnet: subnet.cidr, Gateway: subnet.gateway }] },
        // without an address on the bridge no service of the host can be reached through it
        Options: { 'com.docker.network.bridge.inhibit_ipv4': 'true' },
        Labels: { [LABELS.host]: this.hostId, [LABELS.agent]: agentId },
      });
      return true;
    } catch (error) {
      if (statusOf(error) === 409 || /overlap|already exists/i.test(engineMessage(error))) return false;
      throw error;
    }
  }

  /** Engines before 25 let two networks share a name when they are made at once: all but the oldest go. */
  private async dropTwins(agentId: string): Promise<void> {
    const filters = { label: [`${LABELS.agent}=${agentId}`] };
    const twins = await this.docker.listNetworks({ filters });
    twins.sort((a, b) => (a.Created < b.Created ? -1 : a.Created > b.Created ? 1 : a.Id < b.Id ? -1 : 1));
    for (const { Id } of twins.slice(1)) await unlessMissing(this.docker.getNetwork(Id).remove());
  }
}

const noSubnet = (): DomainError =>
  new DomainError('no_capacity', 'no_capacity', 'DOCKER_SUBNET_POOL has no free subnet for another agent');

/** Networks that share a name, of which all but one are about to go and to free their blocks. */
const hasTwins = (all: readonly Docker.NetworkInspectInfo[]): boolean =>
  new Set(all.map(({ Name }) => Name)).size < all.length;

function toAgentNetwork({ Id, Name, IPAM }: Docker.NetworkInspectInfo): AgentNetwork {
  const range = parseCidr(IPAM?.Config?.[0]?.Subnet ?? '');
  if (range === undefined) throw new DomainError('internal', 'config', `The network ${Name} has no IPv4 subnet`);
  return { id: Id, name: Name, subnet: subnetAt(range.first) };
}
