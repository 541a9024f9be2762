import type Docker from 'dockerode';
import type { ContainerState } from '../container-runtime.js';
import { agentObject, GATEWAY_PORT, LABELS } from './naming.js';

/** What an inspection of an agent's container says of it. */
export function toState(
  agentId: string,
  { State, Config, Image, NetworkSettings }: Docker.ContainerInspectInfo,
): ContainerState {
  const running = State.Running;
  const created = State.Status === 'created';
  const address = NetworkSettings.Networks[agentObject(agentId)]?.IPAddress;
  return {
    agentId,
    status: running ? 'running' : created ? 'created' : 'exited',
    epoch: Number(Config.Labels[LABELS.epoch]),
    specHash: Config.Labels[LABELS.specHash] ?? null,
    imageId: Image,
    endpoint: running && address ? `${address}:${GATEWAY_PORT}` : null,
    startedAt: created ? null : new Date(State.StartedAt),
    exitCode: running || created ? null : State.ExitCode,
    oomKilled: !running && State.OOMKilled,
  };
}
