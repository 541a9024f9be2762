import type { AddressInfo } from 'node:net';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { Logger } from '#libs/observability';
import { AgentDoor } from './agent-door.js';
import { HttpDoor } from '../http/http-door.js';
import { ModelCalls } from './metering/model-calls.js';
import { RelayDoor } from './relay-door.js';

/** How long open streams may go on after SIGTERM. */
const DRAIN_MS = 5_000;
/** How long after that what was used may take to be written. */
const SETTLE_MS = 3_000;

/** Opens the host's two doors, and closes them at the end. */
@Injectable()
export class EdgeServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly relay: HttpDoor;
  private readonly agents: HttpDoor;
  private addresses: { readonly relay: AddressInfo; readonly agents: AddressInfo } | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(RelayDoor) relay: RelayDoor,
    @Inject(AgentDoor) agents: AgentDoor,
    @Inject(ModelCalls) private readonly calls: ModelCalls,
    @Inject(Logger) private readonly logger: Logger,
  ) {
    this.relay = new HttpDoor('The relay door (EDGE_RELAY_PORT)', (req, res) => relay.handle(req, res));
    this.agents = new HttpDoor('The agent door (EDGE_AGENT_PORT)', (req, res) => agents.handle(req, res), {
      connect: (req, socket, head) => agents.connect(req, socket, head),
    });
  }

  /** Where the API's door listens. */
  get relayAddress(): AddressInfo | undefined {
    return this.addresses?.relay;
  }

  /** Where the agents' door listens. */
  get agentAddress(): AddressInfo | undefined {
    return this.addresses?.agents;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { bind, relayPort, agentPort } = this.config.edge;
    const relay = await this.relay.listen(relayPort, bind);
    const agents = await this.agents.listen(agentPort, bind);
    this.addresses = { relay, agents };
    this.logger.info('the edge is open', { bind, relayPort: relay.port, agentPort: agents.port });
  }

  /** The agents' door stays open until the chats are over: whoever answers one may only just be about to ask its model. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.relay.close(DRAIN_MS);
    await this.agents.close(DRAIN_MS);
    await this.calls.drain(SETTLE_MS);
  }
}
