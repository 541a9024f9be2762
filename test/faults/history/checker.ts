import { explained } from './agent-model.js';
import type { AgentFact, Evidence, EventFact } from './evidence.js';
import { grouped } from './grouped.js';
import type { Command, Operation } from './history.js';
import { isUnwell } from './images.js';

/** Everything that must not be, one sentence each; empty when all is well. Pure. */
export const violationsOf = (evidence: Evidence): string[] => RULES.flatMap((rule) => rule(evidence));

const RULES: readonly ((evidence: Evidence) => string[])[] = [
  answersAreKnown,
  createsAreOnce,
  commandsAreExplained,
  commandsAreDoneOnce,
  agentsAreWhereTheyShouldBe,
  imagesAreExplained,
  deletedAgentsLeaveNothing,
  transitionsAreAChain,
  epochsGoForward,
  instancesAreSingle,
  chatsAreStoredOnce,
  restIsInOrder,
];

const isOk = ({ outcome }: Operation): boolean => outcome.kind === 'ok';
const describe = ({ client, command, mark, outcome }: Operation): string =>
  `${command}${mark && ` ${mark}`} of client ${client} (${outcome.kind === 'refused' ? outcome.status : outcome.kind})`;

/** A failure that nobody foresaw, a 503 that does not say when to come back, and refusals for which there was no cause. */
function answersAreKnown({ operations }: Evidence): string[] {
  return operations.flatMap((operation) => {
    const { outcome } = operation;
    if (outcome.kind === 'unknown')
      return /^status /.test(outcome.why) ? [`${describe(operation)}: ${outcome.why}`] : [];
    if (outcome.kind === 'ok' || outcome.status === 404 || outcome.status === 409) return [];
    return [`${describe(operation)} was refused with ${outcome.status} ${outcome.code}`];
  });
}

/** Every acknowledged creation made one agent, an unacknowledged one at most one, and none came from nowhere. */
function createsAreOnce({ operations, agents }: Evidence): string[] {
  const creates = operations.filter(({ command }) => command === 'create');
  const known = new Set(creates.map(({ mark }) => mark));
  const strange = agents
    .filter(({ name }) => !known.has(name))
    .map(({ id, name }) => `Nobody made agent ${id} (${name})`);
  return [
    ...strange,
    ...creates.flatMap((create) => {
      const made = agents.filter(({ name }) => name === create.mark).map(({ id }) => id);
      if (made.length > 1) return [`${describe(create)} made ${made.length} agents: ${made.join(', ')}`];
      if (!isOk(create) || made[0] === create.agentId) return [];
      return [`${describe(create)} answered ${create.agentId}; ${made[0] ?? 'no agent'} is there`];
    }),
  ];
}

/** Some order of the commands explains every answer and how the agent is in the end. */
function commandsAreExplained({ operations, agents }: Evidence): string[] {
  return agents.flatMap(({ id, name, desired, isPaused, value }) => {
    const verdict = explained(id, operations, name, { desired, isPaused, value });
    if (verdict.kind === 'explained') return [];
    if (verdict.kind === 'undecided') return [`Whether the history of agent ${id} can be explained was not found out`];
    const next = verdict.next.map(({ op, began }) =>
      'end' in op
        ? `its end ${JSON.stringify(op.end)}`
        : `[${began}] ${op.command} ${op.mark} ${JSON.stringify(op.outcome)}`,
    );
    const after = `after ${verdict.done} commands it is ${JSON.stringify(verdict.state)}`;
    return [`No order of the commands explains agent ${id}: ${after}, which does not fit ${next.join(' nor ')}`];
  });
}

/** Commands that always leave an event, and how it is recognised. `update` looks at the agent again, so a 404 may follow what was done. */
const LEAVE_EVENTS: readonly [Command, (event: EventFact) => boolean][] = [
  ...(['restart', 'repair', 'pause', 'resume', 'delete', 'reset-memory'] as const).map(
    (command): [Command, (event: EventFact) => boolean] => [
      command,
      ({ type, data }) =>
        type === 'agent.status' && data.cause?.startsWith(`${command.replace('-', '_')} by `) === true,
    ],
  ),
  ['configure', ({ type, data }) => type === 'agent.updated' && data.fields?.includes('config') === true],
];

/** A command that was answered was done exactly once, one that was not at most once. */
function commandsAreDoneOnce({ operations, agents, events }: Evidence): string[] {
  const eventsOf = grouped(events, ({ agentId }) => agentId);
  return agents.flatMap(({ id }) =>
    LEAVE_EVENTS.flatMap(([command, isOne]) => {
      const own = operations.filter((operation) => operation.agentId === id && operation.command === command);
      const answered = own.filter(isOk).length;
      const most = own.filter(({ outcome }) => outcome.kind !== 'refused' || outcome.status === 404).length;
      const done = (eventsOf.get(id) ?? []).filter(isOne).length;
      if (done >= answered && done <= most) return [];
      return [`Agent ${id}: ${command} was answered ${answered} times of at most ${most}, and done ${done} times`];
    }),
  );
}

function agentsAreWhereTheyShouldBe({ agents }: Evidence): string[] {
  return agents.flatMap(({ id, status, desired, isDone, lastError, pids, openTokens }) => {
    const wanted = desired === 'running' ? 1 : 0;
    return [
      ...(status === desired ? [] : [`Agent ${id} is ${status}, not ${desired} (${lastError})`]),
      ...(isDone ? [] : [`Agent ${id} has a restart, a repair, a reset of its memory or an update left to do`]),
      ...(pids.length === wanted ? [] : [`Agent ${id}, to be ${desired}, has ${pids.length} processes`]),
      ...(openTokens === wanted ? [] : [`Agent ${id}, to be ${desired}, has ${openTokens} tokens that open the edge`]),
    ];
  });
}

/** Updates of the image: each was asked for, ends well or goes back to where it came from, and the last one's end is what the agent has. */
function imagesAreExplained({ images, operations, agents, events }: Evidence): string[] {
  const eventsOf = grouped(events, ({ agentId }) => agentId);
  return agents.flatMap(({ id, image, previousImage }) => {
    const own = (eventsOf.get(id) ?? []).filter(({ type }) => type === 'agent.image').sort((a, b) => a.seq - b.seq);
    const updates = operations.filter((operation) => operation.agentId === id && operation.command === 'update-image');
    const asked = updates.filter(({ outcome }) => outcome.kind !== 'refused' || outcome.status === 404);
    const wanted = own.filter(({ data }) => data.outcome === 'wanted');
    let at: ImageState = { image: images.usual, before: null };
    const strange = own.flatMap(({ seq, data }) => {
      const was = at;
      at = afterImageEvent(was, data);
      const isKnown = data.outcome === 'wanted' ? asked.some(({ mark }) => mark === data.image) : was.before !== null;
      const fits = data.outcome === 'wanted' || data.image === was.image;
      const comesFrom = was.before ?? was.image;
      if (
        isKnown &&
        fits &&
        data.previousImage === comesFrom &&
        !(data.outcome === 'done' && isUnwell(images, at.image))
      )
        return [];
      return [`Event ${seq} of agent ${id}, which was ${JSON.stringify(was)}, says ${JSON.stringify(data)}`];
    });
    if (wanted.length > asked.length)
      strange.push(`Agent ${id} was updated ${wanted.length} times, asked ${asked.length}`);
    if (image === at.image && previousImage === at.before) return strange;
    const is = JSON.stringify({ image, before: previousImage });
    return [...strange, `Agent ${id} is ${is}, its last event says ${JSON.stringify(at)}`];
  });
}

interface ImageState {
  readonly image: string;
  /** While it is not known whether the agent is well on `image`. */
  readonly before: string | null;
}

function afterImageEvent({ image, before }: ImageState, { outcome, image: named = '' }: EventFact['data']): ImageState {
  if (outcome === 'wanted') return { image: named, before: before ?? image };
  return { image: outcome === 'returned' ? (before ?? image) : image, before: null };
}

function deletedAgentsLeaveNothing({ agents }: Evidence): string[] {
  const isGone = ({ desired }: AgentFact): boolean => desired === 'deleted';
  return [
    ...agents.filter(isGone).flatMap(({ id, keeps }) => keeps.map((thing) => `Deleted agent ${id} has left ${thing}`)),
    ...agents
      .filter((agent) => isGone(agent) !== agent.status404)
      .map(({ id, desired }) => `Agent ${id} (${desired}) was shown wrongly in the end`),
  ];
}

/** Numbers without a gap; each change of status begins where the one before ended, and `deleted` is the last. */
function transitionsAreAChain({ agents, events }: Evidence): string[] {
  const eventsOf = grouped(events, ({ agentId }) => agentId);
  return agents.flatMap(({ id, status, events: count }) => {
    const own = [...(eventsOf.get(id) ?? [])].sort((one, other) => one.seq - other.seq);
    const numbered = own.length === count && own.every(({ seq }, index) => seq === index + 1);
    const changes = own.filter(({ type }) => type === 'agent.status');
    const broken = changes.filter(({ data }, index) => (data.from ?? null) !== (changes[index - 1]?.data.to ?? null));
    const last = changes.at(-1)?.data.to;
    return [
      ...(numbered ? [] : [`Agent ${id} has ${own.length} events of ${count}`]),
      ...broken.map(
        ({ seq, data }) => `Event ${seq} of agent ${id} begins at ${data.from}, where it was not (${data.cause})`,
      ),
      ...(last === status ? [] : [`Agent ${id} is ${status}, its last event says ${last}`]),
    ];
  });
}

/** Nobody writes under an older claim once a newer one wrote. */
function epochsGoForward({ sightings }: Evidence): string[] {
  return [...grouped(sightings, ({ agentId }) => agentId)].flatMap(([id, seen]) => {
    const found: string[] = [];
    let [epoch, instance, isGone] = [0, 0, false];
    for (const sighting of seen) {
      const at = sighting.instanceEpoch ?? instance;
      if (sighting.epoch < epoch || at < instance) {
        found.push(`Agent ${id} went back from epoch ${epoch} (instance ${instance}) to ${sighting.epoch} (${at})`);
      }
      if (isGone && sighting.status !== 'deleted') found.push(`Deleted agent ${id} was ${sighting.status} again`);
      [epoch, instance, isGone] = [sighting.epoch, at, sighting.status === 'deleted'];
    }
    return found;
  });
}

function instancesAreSingle({ doubled }: Evidence): string[] {
  return doubled.map(
    ({ agentId, pids }) => `Agent ${agentId} had ${pids.length} processes at once: ${pids.join(', ')}`,
  );
}

/** Chats of agents that were not deleted: an answered one is stored once with its whole reply, another one at most once. */
function chatsAreStoredOnce({ operations, agents, runs }: Evidence): string[] {
  const stored = grouped(
    runs.flatMap(({ messages }) => messages.filter(({ role }) => role === 'user').map(({ content }) => content)),
    (content) => content,
  );
  const gone = new Set(agents.filter(({ desired }) => desired === 'deleted').map(({ id }) => id));
  const chats = operations.filter(({ command }) => command === 'chat');
  const known = new Set(chats.map(({ mark }) => mark));
  return [
    ...runs.filter(({ status }) => status === 'running').map(({ id }) => `Run ${id} has not ended`),
    ...[...stored.keys()].filter((content) => !known.has(content)).map((content) => `Nobody said "${content}"`),
    ...chats.flatMap((chat) => {
      const times = stored.get(chat.mark)?.length ?? 0;
      const isKept = isOk(chat) && !gone.has(chat.agentId ?? '');
      if (times > 1 || (isKept && times === 0)) return [`${describe(chat)} is stored ${times} times`];
      if (!isKept || chat.outcome.kind !== 'ok') return [];
      const run = runs.find(({ messages }) => messages.some(({ content }) => content === chat.mark));
      const replies = run?.messages.filter(({ role }) => role === 'assistant').map(({ content }) => content) ?? [];
      if (replies.length === 1 && replies[0] === chat.outcome.seen?.reply && run?.status === 'completed') return [];
      return [`${describe(chat)} is ${run?.status} with the replies ${JSON.stringify(replies)}, not what was read`];
    }),
  ];
}

function restIsInOrder({ strays, failedJobsWithoutCause, auditProblems }: Evidence): string[] {
  return [
    ...strays.map((stray) => `Nobody knows ${stray}`),
    ...failedJobsWithoutCause.map((job) => `Job ${job} failed and does not say why`),
    ...auditProblems.map((problem) => `The audit log does not verify: ${problem}`),
  ];
}
