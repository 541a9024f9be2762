// Written against the client that a standard generator makes of openapi/agento.json: see ../sdk.contract-spec.ts, which
// compiles it strictly. No type is asserted anywhere.
import { createClient } from './client/index.js';
import {
  type ChatErrorEventDto,
  createAgent,
  createSwarm,
  deleteAgent,
  deleteKnowledge,
  deleteSwarm,
  getAgent,
  getKnowledgeFile,
  getSkill,
  ingestKnowledge,
  installSkill,
  listAgentSkills,
  listKnowledge,
  listMessages,
  restartAgent,
  searchKnowledge,
  searchSkills,
  sendMessage,
  uninstallSkill,
  updateAgent,
  uploadKnowledgeFile,
} from './index.js';

/** What a newcomer does with an agent, from its creation to its end, in the words of what was answered. */
export async function story(baseUrl: string, apiKey: string): Promise<string[]> {
  const told: string[] = [];
  const client = createClient({ baseUrl, auth: (scheme) => (scheme.type === 'apiKey' ? apiKey : undefined) });
  const sure = { client, throwOnError: true } as const;

  const swarm = (await createSwarm({ ...sure, body: { name: 'Support' } })).data.data;
  const made = await createAgent({
    ...sure,
    body: { name: 'Ada', config: { llmProvider: 'demo' }, swarmId: swarm.id },
  });
  const { id } = made.data.data;
  const agent = (await getAgent({ ...sure, path: { id } })).data.data;
  told.push(`${agent.name} is ${agent.status} in ${agent.swarm?.slug ?? 'no swarm'}, ${agent.startedAt?.length ?? 0}`);

  const failed: ChatErrorEventDto[] = [];
  let reply = '';
  const chat = await sendMessage({ client, path: { id }, body: { message: 'Hello!', context: { name: 'Grace' } } });
  for await (const event of chat.stream) {
    if (event.type === 'text') reply += event.content;
    else if (event.type === 'error') failed.push(event);
    else told.push(event.type);
  }
  const history = (await listMessages({ ...sure, path: { id }, query: { limit: 10 } })).data;
  const said = history.data.map(({ role, content }) => `${role}: ${content === reply ? 'the same' : content}`);
  told.push(...failed.map(({ code, message }) => `${code}: ${message}`), ...said);

  const found = (await searchSkills({ ...sure, query: { search: 'csv', pageSize: 1 } })).data.data[0];
  if (!found) throw new Error('There is no skill');
  const skill = (await getSkill({ ...sure, path: { id: found.id } })).data.data;
  told.push(`${skill.id} is ${skill.trustLevel}, ${skill.securityScore === null ? 'not scanned' : 'scanned'}`);
  const trustLevel = skill.trustLevel === 'verified' ? 'verified' : 'clawhub';
  const installed = (await installSkill({ ...sure, path: { id }, body: { skillId: skill.id, trustLevel } })).data.data;
  const restarted = (await restartAgent({ ...sure, path: { id } })).data.data;
  const skills = (await listAgentSkills({ ...sure, path: { id } })).data;
  told.push(
    `${installed.needsRestart} ${restarted.status} ${skills.pagination.total} ${skills.data[0]?.skillId ?? ''}`,
  );

  const chunks = [
    { text: 'Returns are free for thirty days.', source: 'returns.md', metadata: { type: 'faq' } },
    { text: 'We ship on weekdays only.', source: 'shipping.md' },
  ];
  const ingested = (await ingestKnowledge({ ...sure, body: { agentId: id, chunks } })).data.data;
  const content = btoa('# Prices\n\nPro costs nine dollars a month.');
  const file = (await uploadKnowledgeFile({ ...sure, body: { swarmId: swarm.id, name: 'prices.md', content } })).data
    .data;
  for (let status = file.status; status !== 'completed';) {
    if (status === 'failed') throw new Error('The file was not loaded');
    await new Promise((resolve) => setTimeout(resolve, 200));
    status = (await getKnowledgeFile({ ...sure, path: { id: file.id } })).data.data.status;
  }
  told.push(`${ingested.stored} of ${ingested.total}`);
  for (let offset: string | undefined; ;) {
    const page = (await listKnowledge({ ...sure, query: { agentId: id, limit: 2, offset } })).data;
    told.push(page.data.map(({ source, type }) => `${source} ${type}`).join(', '));
    if (page.pagination.nextOffset === null) break;
    offset = page.pagination.nextOffset;
  }
  const [hit] = (await searchKnowledge({ ...sure, query: { agentId: id, q: 'free returns' } })).data.data;
  told.push(`${hit?.source} ${hit?.similarity === null ? 'by words' : 'by meaning'}`);
  const removed = (await deleteKnowledge({ ...sure, query: { agentId: id, all: 'true', confirm: 'true' } })).data.data;
  told.push(`${removed.deleted} ${removed.count}`);

  const patched = (await updateAgent({ ...sure, path: { id }, body: { swarmId: null, avatarUrl: null } })).data.data;
  const uninstalled = (await uninstallSkill({ ...sure, path: { id, skillId: skill.id } })).data.data;
  const erased = (await deleteAgent({ ...sure, path: { id } })).data.data;
  told.push(`${patched.name} ${uninstalled.uninstalled} ${erased.deleted}`);
  const gone = await getAgent({ client, path: { id } });
  told.push(gone.error ? `${gone.response?.status ?? 0} ${gone.error.error.code}` : 'still there');
  await deleteSwarm({ ...sure, path: { id: swarm.id } });
  return told;
}
