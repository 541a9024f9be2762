import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeJson } from './data-folder.mjs';
import { Failure } from './failure.mjs';
import { freePort, isFree } from './network.mjs';

/**
 * Chooses and checks the ports: `PORT` as given or 3000; the edge's as given, as at the last start, as by default, or,
 * when those are taken at the first start, free ones. Agents that live on know the edge's ports, so they are kept.
 */
export async function choosePorts(dir, { ownEdge }) {
  const host = process.env.HOST?.trim() || '127.0.0.1';
  const port = Number(process.env.PORT?.trim() || 3000) || (await freePort(host));
  await mustBeFree('PORT', port, host);
  const bind = process.env.EDGE_BIND?.trim() || '127.0.0.1';
  const kept = readJson(join(dir, 'ports.json')) ?? {};
  const relay = await edgePort('EDGE_RELAY_PORT', kept.relay, 4100, bind, ownEdge);
  const agent = await edgePort('EDGE_AGENT_PORT', kept.agent, 4101, bind, ownEdge);
  mustDiffer([
    ['PORT', port, host],
    ...(ownEdge
      ? [
          ['EDGE_RELAY_PORT', relay, bind],
          ['EDGE_AGENT_PORT', agent, bind],
        ]
      : []),
  ]);
  writeJson(join(dir, 'ports.json'), { relay, agent });
  return { host, port, relay, agent };
}

async function edgePort(name, kept, usual, bind, ownEdge) {
  const given = Number(process.env[name]?.trim()) || undefined;
  if (!ownEdge) return given ?? kept ?? usual;
  const wanted = given ?? kept;
  if (wanted !== undefined) {
    await mustBeFree(name, wanted, bind);
    return wanted;
  }
  return (await isFree(usual, bind)) ? usual : freePort(bind);
}

function mustDiffer(doors) {
  for (const [name, port, bind] of doors) {
    const [other] = doors.find(([another, taken, at]) => another !== name && taken === port && at === bind) ?? [];
    if (other) throw new Failure(`${other} and ${name} are both ${port}: set one of them to another port`);
  }
}

/** How long a killed program may hold its port: its last threads end after it counts as gone. */
const LETTING_GO_MS = 2_000;

async function mustBeFree(name, port, host) {
  let free;
  try {
    free = await becomesFree(port, host);
  } catch (error) {
    throw new Failure(`${name}: ${host}:${port} can't be listened on (${error.code})`);
  }
  if (!free)
    throw new Failure(`${name}: ${host}:${port} is taken by another program; stop it, or set ${name} to another port`);
}

async function becomesFree(port, host) {
  const until = Date.now() + LETTING_GO_MS;
  while (!(await isFree(port, host))) {
    if (Date.now() > until) return false;
    await sleep(50);
  }
  return true;
}
