import type { ScopeName } from '#libs/kernel';

/** A test that says what a route does: its file (without `.contract-spec.ts`) and its name as it is written there. */
export type NamedTest = readonly [suite: string, name: string];

/** One route as the published documentation has it. Names are separated by blanks; `!` marks what is required. */
export interface DocumentedRoute {
  readonly route: string;
  /** Undefined: any valid key. */
  readonly scope?: ScopeName;
  readonly body?: string;
  readonly query?: string;
  /** Default 200. */
  readonly status?: number;
  /** Fields of `data`, or of each of its items; `a.b` is a field within. Undefined: a stream of events. */
  readonly answers?: string;
  /** Fields of `pagination`. */
  readonly pages?: string;
  readonly tests: readonly NamedTest[];
}

const OFFSETS = 'total limit offset';
const LISTED_AGENT = 'id name status region image swarm createdAt startedAt stoppedAt';
const SWARM = 'id name slug description icon agentCount memberCount createdAt updatedAt';
const SKILL = 'id name description author category installCount latestVersion securityScore';
const INSTALLED = 'id skillId name installedVersion trustLevel isEnabled';
const TARGET = 'swarmId agentId';

const AGENTS: readonly DocumentedRoute[] = [
  {
    route: 'GET /v1/agents',
    scope: 'agents:read',
    answers: LISTED_AGENT,
    pages: OFFSETS,
    tests: [
      ['agents', 'is listed with exactly the documented fields'],
      ['agents', 'is whole and newest first'],
    ],
  },
  {
    route: 'POST /v1/agents',
    scope: 'agents:write',
    body: 'name! region secrets secrets.anthropicApiKey secrets.openaiApiKey secrets.googleApiKey secrets.telegramBotToken secrets.slackBotToken secrets.slackAppToken config soulMd workflowMd swarmId',
    status: 201,
    answers: 'id name status region createdAt startedAt',
    tests: [
      ['agents', 'is created and answers once it runs'],
      [
        'agent-states',
        'an agent that does not run within 20 s is answered as provisioning, in eu unless asked otherwise',
      ],
      ['agent-states', 'is refused'],
      ['refusals', 'says when no host has room'],
      ['refusals', 'refuses a swarm that is unknown or of another organisation'],
    ],
  },
  {
    route: 'GET /v1/agents/:id',
    scope: 'agents:read',
    answers: `${LISTED_AGENT} avatarUrl config workflowMd lastError errorCategory needsRestart`,
    tests: [
      ['agents', 'is shown with exactly the documented fields'],
      ['agent-states', 'shows what went wrong and of which kind'],
      ['agent-states', 'names the provider whose key the agent has, and how it is paid for'],
    ],
  },
  {
    route: 'PATCH /v1/agents/:id',
    scope: 'agents:write',
    body: 'name avatarUrl config swarmId',
    answers: 'id name status needsRestart',
    tests: [
      ['agents', 'changes its name without a restart'],
      ['agents', 'merges its config, is flagged, and cleared by a restart'],
      ['agents', 'lets an agent leave and join a swarm'],
    ],
  },
  {
    route: 'DELETE /v1/agents/:id',
    scope: 'agents:write',
    answers: 'id deleted',
    tests: [
      ['agents', 'is deleted for good'],
      ['agents', 'are taken and never shown'],
    ],
  },
  {
    route: 'POST /v1/agents/:id/start',
    scope: 'agents:write',
    answers: 'id status startedAt',
    tests: [['agents', 'starts, and starting again changes nothing']],
  },
  {
    route: 'POST /v1/agents/:id/stop',
    scope: 'agents:write',
    answers: 'id status stoppedAt',
    tests: [['agents', 'stops, says since when, and stays so']],
  },
  {
    route: 'POST /v1/agents/:id/restart',
    scope: 'agents:write',
    answers: 'id status startedAt',
    tests: [
      ['agents', 'merges its config, is flagged, and cleared by a restart'],
      ['agents', 'runs again when it is restarted although it was stopped'],
    ],
  },
  {
    route: 'GET /v1/agents/:id/status',
    scope: 'agents:read',
    answers: 'status containerStatus live resources resources.memoryUsage resources.cpuPercent source',
    tests: [
      ['agents', 'reports what it does right now'],
      ['agent-states', 'asks the agent itself and says so'],
    ],
  },
];

const CHAT_AND_LOGS: readonly DocumentedRoute[] = [
  {
    route: 'POST /v1/agents/:id/chat/messages',
    scope: 'chat',
    body: 'message! sessionId peerId context',
    tests: [
      ['chat', 'is answered as a stream of text events and one done'],
      ['chat', 'never see each other'],
      ['chat', 'may carry context, which the agent sees and the history does not show'],
      ['agent-states', 'ends in an error event when it %s'],
      ['refusals', 'is refused while the agent does not run'],
    ],
  },
  {
    route: 'GET /v1/agents/:id/chat/messages',
    scope: 'chat',
    query: 'sessionId limit since',
    answers: 'role content timestamp',
    pages: OFFSETS,
    tests: [
      ['chat', 'and its answer are kept'],
      ['chat', 'gives what came after a moment, at most 200 a time'],
      ['agent-states', 'are the newest 50 messages unless asked otherwise, oldest first'],
    ],
  },
  {
    route: 'GET /v1/agents/:id/chat/sessions',
    scope: 'chat',
    answers: 'id name channel startedAt',
    pages: OFFSETS,
    tests: [
      ['chat', 'begin anew and become the default'],
      ['agent-states', 'are the newest 100 sessions, newest first'],
    ],
  },
  {
    route: 'POST /v1/agents/:id/chat/sessions',
    scope: 'chat',
    status: 201,
    answers: 'id startedAt',
    tests: [
      ['chat', 'begin anew and become the default'],
      ['chat', 'can be made without a body'],
    ],
  },
  {
    route: 'GET /v1/agents/:id/logs',
    scope: 'logs',
    query: 'tail',
    answers: 'logs',
    tests: [
      ['chat', 'are given as text, newest last'],
      ['agent-states', 'are 100 lines unless asked otherwise, and 1000 at most'],
    ],
  },
  {
    route: 'GET /v1/agents/:id/logs/stream',
    scope: 'logs',
    query: 'tail',
    tests: [
      ['chat', 'are streamed raw, with history first and then each new line'],
      ['agent-states', 'are streamed with what came before: %s gives %i lines and then the new one'],
      ['agent-states', 'a stream on which nothing happens is kept alive by a comment'],
    ],
  },
];

const SKILLS: readonly DocumentedRoute[] = [
  {
    route: 'GET /v1/agents/:id/skills',
    scope: 'skills',
    answers: `${INSTALLED} installedAt`,
    pages: OFFSETS,
    tests: [['skills', 'are installed, listed and uninstalled with exactly the documented fields']],
  },
  {
    route: 'POST /v1/agents/:id/skills',
    scope: 'skills',
    body: 'skillId! trustLevel!',
    status: 201,
    answers: `${INSTALLED} needsRestart`,
    tests: [
      ['skills', 'are installed, listed and uninstalled with exactly the documented fields'],
      ['skills', 'are refused where level, skill or agent are wrong, and twice'],
    ],
  },
  {
    route: 'DELETE /v1/agents/:id/skills/:skillId',
    scope: 'skills',
    answers: 'skillId uninstalled needsRestart',
    tests: [['skills', 'are installed, listed and uninstalled with exactly the documented fields']],
  },
  {
    route: 'GET /v1/skills',
    scope: 'skills',
    query: 'search category page pageSize',
    answers: SKILL,
    pages: OFFSETS,
    tests: [
      ['skills', 'lists skills with exactly the documented fields, 20 a page'],
      ['skills', 'is filtered by category'],
    ],
  },
  {
    route: 'GET /v1/skills/:id',
    scope: 'skills',
    answers: `${SKILL} enhancedDescription tags useCases toolCount`,
    tests: [['skills', 'shows one skill in detail']],
  },
];

const SWARMS: readonly DocumentedRoute[] = [
  {
    route: 'GET /v1/swarms',
    scope: 'swarms:read',
    answers: SWARM,
    tests: [['swarms', 'is listed without a pagination object']],
  },
  {
    route: 'POST /v1/swarms',
    scope: 'swarms:write',
    body: 'name! description icon',
    status: 201,
    answers: SWARM,
    tests: [
      ['swarms', 'is created with the documented fields and counts of 0'],
      ['swarms', 'are unique in the account, however many are made at once, and free in another'],
      ['swarms', 'is refused where the plan lacks the feature'],
    ],
  },
  {
    route: 'GET /v1/swarms/:id',
    scope: 'swarms:read',
    answers: `${SWARM} agents agents.id agents.name agents.status agents.createdAt`,
    tests: [['swarms', 'counts its agents and members, and shows the agents']],
  },
  {
    route: 'PATCH /v1/swarms/:id',
    scope: 'swarms:write',
    body: 'name description icon',
    answers: SWARM,
    tests: [['swarms', 'is renamed and keeps its slug; updatedAt moves']],
  },
  {
    route: 'DELETE /v1/swarms/:id',
    scope: 'swarms:write',
    answers: 'id deleted',
    tests: [
      ['swarms', 'is deleted; its agents stay without one, and a running one is flagged'],
      ['swarms', "are its agents', unless they have their own, and go with it at once"],
    ],
  },
];

const KNOWLEDGE: readonly DocumentedRoute[] = [
  {
    route: 'POST /v1/knowledge/ingest',
    scope: 'knowledge:write',
    body: `${TARGET} chunks! chunks.text! chunks.source! chunks.metadata`,
    answers: 'stored skipped total',
    tests: [
      ['knowledge', 'stores what is new and answers exactly the documented fields'],
      ['knowledge', 'skips what says the same, in the store and within the call'],
      ['knowledge', 'for an agent of a swarm goes to the swarm and is seen through both ids'],
      ['knowledge', 'refuses %s and stores nothing'],
    ],
  },
  {
    route: 'GET /v1/knowledge',
    scope: 'knowledge:read',
    query: `${TARGET} source limit offset`,
    answers: 'id text source type createdAt updatedAt',
    pages: 'nextOffset hasMore',
    tests: [
      ['knowledge', 'neither repeats nor skips while others add and delete'],
      ['knowledge', 'shows one source and lowers limit to 100'],
    ],
  },
  {
    route: 'DELETE /v1/knowledge',
    scope: 'knowledge:write',
    query: `${TARGET} source id all confirm`,
    answers: 'deleted',
    tests: [
      ['knowledge', 'takes a source, an entry, or with confirmation all'],
      ['knowledge', 'finds no entry of others'],
    ],
  },
];

const ACCOUNT_AND_FILES: readonly DocumentedRoute[] = [
  {
    route: 'GET /v1/account',
    answers:
      'id name plan plan.id plan.name plan.status plan.limits plan.limits.maxAgents plan.limits.maxSkillsPerAgent plan.features usage usage.agents usage.runningAgents',
    tests: [
      ['agents', 'counts as running in the account'],
      ['refusals', 'may still see the account'],
    ],
  },
  {
    route: 'PUT /v1/agents/:id/secrets',
    scope: 'agents:write',
    body: 'secrets deleteSecrets',
    answers: 'updated needsRestart',
    tests: [
      ['secrets', 'stores by both forms of a name, encrypted, and flags a running agent'],
      ['secrets', 'replaces and deletes in one call, and keeps what is not named'],
    ],
  },
  {
    route: 'GET /v1/agents/:id/personality',
    scope: 'agents:read',
    answers: 'soulMd identityMd soulMdHash soulMdUpdatedAt',
    tests: [['files', 'answers exactly the documented fields']],
  },
  {
    route: 'PUT /v1/agents/:id/personality',
    scope: 'agents:write',
    body: 'soulMd! expectedHash',
    answers: 'soulMd soulMdHash soulMdUpdatedAt needsRestart',
    tests: [
      ['files', 'is replaced; the new hash is the SHA-256 of the exact UTF-8 text'],
      ['files', 'refuses a stale hash with 409 and leaves the text as it was'],
    ],
  },
  {
    route: 'GET /v1/agents/:id/workflow',
    scope: 'agents:read',
    answers: 'workflowMd rules',
    tests: [
      ['files', 'answers the text and the rule files, with .md'],
      ['files', 'is only shown for running agents, but can be replaced for others'],
    ],
  },
  {
    route: 'PUT /v1/agents/:id/workflow',
    scope: 'agents:write',
    body: 'workflowMd!',
    answers: 'workflowMd needsRestart',
    tests: [['files', 'is replaced']],
  },
  {
    route: 'GET /v1/agents/:id/rules',
    scope: 'agents:read',
    answers: 'rules rules.name rules.size',
    tests: [['files', 'are listed by name without .md, with their size in bytes']],
  },
  {
    route: 'GET /v1/agents/:id/rules/:name',
    scope: 'agents:read',
    answers: 'name content',
    tests: [['files', 'are made, replaced, read and deleted']],
  },
  {
    route: 'PUT /v1/agents/:id/rules/:name',
    scope: 'agents:write',
    body: 'content!',
    answers: 'name needsRestart',
    tests: [
      ['files', 'are made, replaced, read and deleted'],
      ['files', 'refuse the name %j'],
    ],
  },
  {
    route: 'DELETE /v1/agents/:id/rules/:name',
    scope: 'agents:write',
    answers: 'name deleted needsRestart',
    tests: [
      ['files', 'are made, replaced, read and deleted'],
      ['files', 'do not flag a stopped agent'],
    ],
  },
];

/** Every route of the published agento documentation, in its order. */
export const DOCUMENTED = [AGENTS, CHAT_AND_LOGS, SKILLS, SWARMS, KNOWLEDGE, ACCOUNT_AND_FILES].flat();

/** How many there are. */
export const DOCUMENTED_COUNT = 38;
