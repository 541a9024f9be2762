import { type DocumentedRoute, PAGE, each } from './route.js';

const CONVERSATION =
  'id workspace_id agent_swarm_instance_id agent_id user_id channel channel_conversation_id title created_at updated_at archived_at status conversation_metadata message_count last_message_at';
const MESSAGE = 'id role content timestamp metadata';
const OWNERS = [
  'conversations',
  "is its owner's: a colleague is refused, a stranger finds nothing, a key of the owner gets in",
] as const;
const ROUTE = '/api/v1/conversations';

/** Section 8. */
export const CONVERSATIONS: readonly DocumentedRoute[] = [
  {
    route: `GET ${ROUTE}`,
    scope: 'chat',
    query: 'agent_id workspace_id status limit offset',
    answers: `${each('conversations', CONVERSATION)} ${PAGE}`,
    errors: '403 422',
    tests: [
      ['conversations', "lists the caller's own, newest first, by agent, status and page"],
      ['conversations', 'refuses another workspace and pages that are none'],
    ],
  },
  {
    route: `POST ${ROUTE}`,
    scope: 'chat',
    body: 'agent_id! workspace_id user_id channel title metadata',
    status: 201,
    answers: CONVERSATION,
    errors: '404 422',
    tests: [
      ['conversations', 'begins one with every documented field'],
      ['conversations', "refuses an unknown agent, workspace and user, and another organisation's agent"],
      ['conversations', 'refuses metadata that reaches for a prototype'],
    ],
  },
  {
    route: `GET ${ROUTE}/:id`,
    scope: 'chat',
    answers: CONVERSATION,
    errors: '403 404',
    tests: [OWNERS],
  },
  {
    route: `DELETE ${ROUTE}/:id`,
    scope: 'chat',
    status: 204,
    errors: '403 404',
    tests: [['conversations', "takes it out of every view, agento's too, and erases it after its time"], OWNERS],
  },
  {
    route: `GET ${ROUTE}/:id/messages`,
    scope: 'chat',
    query: 'limit offset',
    answers: `${each('messages', MESSAGE)} total`,
    errors: '403 404 422',
    tests: [
      ['conversations', 'are stored and listed, oldest first'],
      ['conversations', 'are not listed ten thousand at once'],
      OWNERS,
    ],
  },
  {
    route: `POST ${ROUTE}/:id/messages`,
    scope: 'chat',
    body: 'role! content! metadata',
    status: 201,
    answers: MESSAGE,
    errors: '403 404 409 422',
    tests: [
      ['conversations', 'are stored and listed, oldest first'],
      ['conversations', 'refuses %s and stores nothing'],
      ['conversations', 'takes 50,000 characters'],
      ['conversations', 'closes it for good, twice is once, and it can still be read'],
    ],
  },
  {
    route: `POST ${ROUTE}/:id/attach-agent`,
    scope: 'chat',
    body: 'agent_id!',
    answers: CONVERSATION,
    errors: '403 404 422',
    tests: [
      ['conversations', 'hands it over with everything that was said'],
      ['conversations-live', 'goes on with another agent, who knows what was said and added'],
      ['conversations', 'refuses an unknown agent, and to pull one away in the middle of its answer'],
    ],
  },
  {
    route: `GET ${ROUTE}/:id/context`,
    scope: 'chat',
    query: 'limit',
    answers: `conversation_id ${each('messages', 'role content')} total_messages agent_id metadata`,
    errors: '403 404 422',
    tests: [
      ['conversations', 'shows a short conversation whole'],
      ['conversations', 'keeps to the newest within a limit or a number of tokens, and asks for a summary of the rest'],
      ['conversations-live', 'is summarised by its agent once it does not fit'],
    ],
  },
  {
    route: `GET ${ROUTE}/:id/search`,
    scope: 'chat',
    query: 'query q limit',
    answers: 'results results.matches results.query results.total_matches',
    errors: '403 404 422',
    tests: [
      ['conversations', 'answers as documented, the best first'],
      ['conversations', 'takes %s as it stands'],
      ['conversations', 'keeps to its limit and its conversation'],
    ],
  },
  {
    route: `POST ${ROUTE}/:id/archive`,
    scope: 'chat',
    answers: CONVERSATION,
    errors: '403 404',
    tests: [['conversations', 'closes it for good, twice is once, and it can still be read'], OWNERS],
  },
];
