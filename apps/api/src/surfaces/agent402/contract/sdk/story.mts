// Written against the client that a standard generator makes of openapi/agent402.json: see ../sdk.contract-spec.ts, which
// compiles it strictly. No type is asserted anywhere.
import { createClient } from './client/index.js';
import {
  addMessage,
  beatAgent,
  createAgent,
  createConversation,
  getAgent,
  inviteMember,
  listAuditLogs,
  listMessages,
  listTemplates,
  login,
  messageAgent,
  register,
  seedTemplates,
} from './index.js';

/** What a newcomer does, from the account to the audit log, in the words of what was answered. */
export async function story(baseUrl: string): Promise<string[]> {
  const told: string[] = [];
  const nobody = { client: createClient({ baseUrl }), throwOnError: true } as const;
  const credentials = { email: 'ada@example.test', password: 'SecurePass123!' };
  const account = (await register({ ...nobody, body: { ...credentials, name: 'Ada' } })).data;
  const session = (await login({ ...nobody, body: credentials })).data;
  told.push(`${account.full_name} ${session.token_type} ${session.workspace_id === account.workspace_id}`);

  const auth = (scheme: { type: string }): string | undefined =>
    scheme.type === 'http' ? session.access_token : undefined;
  const client = createClient({ baseUrl, auth });
  const sure = { client, throwOnError: true } as const;
  const seeded = (await seedTemplates(sure)).data;
  const { templates, total } = (await listTemplates({ ...sure, query: { category: 'engineering', limit: 1 } })).data;
  const template = templates[0];
  if (!template) throw new Error('There is no template');
  told.push(`${seeded.length} templates, ${total} for engineers`);

  const body = { name: 'Grace', template_id: template.id, model: 'demo' };
  const { id } = (await createAgent({ ...sure, body })).data;
  let agent = (await getAgent({ ...sure, path: { id } })).data;
  while (agent.status === 'provisioning') {
    await new Promise((resolve) => setTimeout(resolve, 200));
    agent = (await getAgent({ ...sure, path: { id } })).data;
  }
  told.push(
    `${agent.name} is ${agent.status}, ${agent.persona === template.default_persona ? 'as the template says' : ''}`,
  );
  const conversation = (await createConversation({ ...sure, body: { agent_id: id, title: 'First' } })).data;
  const path = { id: conversation.id };
  await addMessage({ ...sure, path, body: { role: 'user', content: 'A note beforehand' } });
  const reply = (await messageAgent({ ...sure, path: { id }, body: { message: '[[echo Here I am.]]' } })).data;
  const { messages } = (await listMessages({ ...sure, path })).data;
  told.push(...messages.map(({ role, content }) => `${role}: ${content}`));
  told.push(`${reply.response} ${reply.message_id === messages[2]?.id}`);
  const beat = (await beatAgent({ ...sure, path: { id } })).data;
  told.push(`heartbeat ${beat.status}, ${beat.execution.checklist_items.length === template.default_checklist.length}`);

  const invitee = { email: 'bob@example.test', name: 'Bob', role: 'MEMBER' } as const;
  const invited = (await inviteMember({ ...sure, body: invitee })).data;
  told.push(`${invited.member.name} is ${invited.member.status}`);
  const { events } = (await listAuditLogs({ ...sure, query: { limit: 100 } })).data;
  const actions = new Set(events.map(({ action }) => action));
  told.push(['agent.create', 'templates.seed'].filter((action) => actions.has(action)).join(' '));
  return told;
}
