import Docker from 'dockerode';

/** Removes whatever a Rookery host left with the Docker engine: containers (its edge among them), networks and volumes. */
export async function removeHost(hostId: string): Promise<void> {
  const docker = new Docker();
  const filters = { label: [`dev.rookery.host=${hostId}`] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
  for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove();
  for (const { Name } of (await docker.listVolumes({ filters })).Volumes ?? []) await docker.getVolume(Name).remove();
}

/** Names of what a host has there. */
export async function thingsOfHost(hostId: string): Promise<string[]> {
  const docker = new Docker();
  const filters = { label: [`dev.rookery.host=${hostId}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const networks = await docker.listNetworks({ filters });
  const { Volumes } = await docker.listVolumes({ filters });
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...networks.map(({ Name }) => Name),
    ...(Volumes ?? []).map(({ Name }) => Name),
  ];
}
