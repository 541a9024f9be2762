// A hundred running house agents that have a skill: how soon it has left the last workspace after its content was disabled, and how
// soon it is back after it was enabled again. Run after the build: node test/bench/kill-switch.bench.mjs [agents=100]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Table, until } from './harness.mjs';
import { openRookery } from './rookery.mjs';

const AGENTS = Number(process.argv[2] ?? 100);
const GONE_S = 5;
const AT_ONCE = 8;
const SKILL = '---\nname: leaky\ndescription: Leaks.\npermissions:\n  network: [api.example.com]\n---\n\nIt leaks.';

const rookery = await openRookery();
try {
  await measure();
} finally {
  await rookery.close();
}

async function measure() {
  const table = new Table(`The kill switch over ${AGENTS} running house agents, process runtime`);
  const { digest } = await rookery.call('POST', '/v1/skills', { files: { 'SKILL.md': SKILL } });
  const agents = await makeAgents();
  const installing = performance.now();
  await installOn(agents);
  table.row('installed on all', (performance.now() - installing) / 1000, 's');
  const placed = () => agents.filter(isPlaced).length;
  if (placed() !== AGENTS) throw new Error(`Only ${placed()} agents have the skill`);

  const disabling = performance.now();
  const seconds = () => (performance.now() - disabling) / 1000;
  await rookery.call('PUT', `/v1/disabled-skills/${digest}`, { reason: 'Leaks' });
  table.row('the answer', seconds(), 's');
  await until(() => placed() === 0, 120_000);
  table.row('gone from the last workspace', seconds(), 's', GONE_S);
  const enabled = await Promise.all(agents.map((id) => rookery.call('GET', `/v1/agents/${id}/skills/leaky`)));
  table.row('agents that still have it enabled', enabled.filter(({ isEnabled }) => isEnabled).length, '', 0);

  const enabling = performance.now();
  await rookery.call('DELETE', `/v1/disabled-skills/${digest}`);
  await until(() => placed() === AGENTS, 120_000);
  table.row('back in the last workspace', (performance.now() - enabling) / 1000, 's');
  table.finish();
}

async function makeAgents() {
  const body = (nr) => ({ name: `agent ${nr}`, secrets: {}, config: { llmProvider: 'demo' } });
  const made = await Promise.all(
    Array.from({ length: AGENTS }, (_, nr) => rookery.call('POST', '/v1/agents', body(nr))),
  );
  await until(async () => {
    const agents = await rookery.call('GET', '/v1/agents');
    return agents.filter(({ status }) => status === 'running').length === AGENTS;
  }, 120_000);
  return made.map(({ id }) => id);
}

async function installOn(agents) {
  const waiting = [...agents];
  const next = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const body = { skillId: 'leaky', trustLevel: 'custom' };
      const { isEnabled } = await rookery.call('POST', `/v1/agents/${id}/skills`, body);
      if (!isEnabled) throw new Error('The skill was not installed in time');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

function isPlaced(id) {
  return existsSync(join(rookery.dataDir, 'agents', id, 'workspace', 'skills', 'leaky', 'SKILL.md'));
}
