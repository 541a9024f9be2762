import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { type ChatFrame, textOf } from '../../e2e/client.js';
import type { Command, Outcome, Recorder, Seen } from './history.js';
import type { Images } from './images.js';
import type { Step } from './schedule.js';

const UNDELIVERED_PAUSE_MS = 100;
const MOST_DELETES = 4;

/** Where the API is, and as whom. */
export interface Door {
  readonly url: string;
  readonly apiKey: string;
  /** What agents may be updated to. */
  readonly images: Images;
}

/** Which agent stands in each place. Shared by all clients, who so meet on the same agents. */
export type Slots = (string | undefined)[];

interface Wish {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly key?: string;
  readonly patienceMs: number;
}

/** Not an outcome: nobody was there to hear it, so it is said again. */
const UNDELIVERED = Symbol('undelivered');

interface Answered {
  readonly outcome: Outcome;
  /** Where the answer tells it. */
  readonly agentId?: string;
  /** How long it asks to be left alone. */
  readonly retryAfterSeconds?: number;
}
type Reader = (answer: Response) => Promise<Answered>;

/** One client: does its steps one after the other and writes down what it learns. */
export class HistoryClient {
  private made = 0;

  constructor(
    private readonly index: number,
    private readonly door: Door,
    private readonly recorder: Recorder,
    private readonly slots: Slots,
  ) {}

  /** Until the steps or the time are over. */
  async run(steps: readonly Step[], over: AbortSignal): Promise<void> {
    for (const step of steps) {
      await sleep(step.pauseMs);
      if (over.aborted) return;
      await this.take(step, over);
    }
  }

  /** Makes an agent for a place; tries again, as a client with an idempotency key may. */
  async create(
    slot: number,
    { tries, patienceMs }: Pick<Step, 'tries' | 'patienceMs'>,
    over: AbortSignal,
  ): Promise<void> {
    const name = this.mark();
    const body = { name, secrets: {}, config: { llmProvider: 'demo', history: name } };
    const wish = { method: 'POST', path: '/v1/agents', body, key: name, patienceMs };
    const answered = await this.say({ command: 'create', mark: name, tries }, wish, over, async (answer) => {
      const { data } = (await answer.json()) as { data: { id: string } };
      return { outcome: { kind: 'ok' }, agentId: data.id };
    });
    if (answered?.agentId !== undefined) this.slots[slot] = answered.agentId;
  }

  private async take(step: Step, over: AbortSignal): Promise<void> {
    const agentId = this.slots[step.slot];
    if (agentId === undefined) return this.create(step.slot, step, over);
    if (step.command === 'replace') return this.replace(agentId, step, over);
    if (step.command === 'chat') return this.chat(agentId, step, over);
    const { method, path, body, mark, seen } = this.wishFor(step, step.command, agentId);
    const wish = { method, path, body, patienceMs: step.patienceMs };
    await this.say({ command: step.command, agentId, mark: mark ?? '', tries: 1 }, wish, over, async (answer) => {
      const answered: unknown = await answer.json();
      return { outcome: { kind: 'ok', ...(seen === undefined ? {} : { seen: seen(answered) }) } };
    });
  }

  private wishFor(
    { image }: Step,
    command: Exclude<Step['command'], 'replace' | 'chat'>,
    id: string,
  ): Pick<Wish, 'method' | 'path' | 'body'> & { mark?: string; seen?: (answer: unknown) => Seen } {
    const agent = `/v1/agents/${id}`;
    switch (command) {
      case 'configure': {
        const mark = this.mark();
        return { method: 'PATCH', path: agent, body: { config: { history: mark } }, mark };
      }
      case 'update-image': {
        const mark = this.door.images[image];
        return { method: 'POST', path: `${agent}/update`, body: { image: mark }, mark };
      }
      case 'look': {
        const seen = (answer: unknown): Seen => ({
          value: (answer as { data: { config: { history?: string } } }).data.config.history ?? null,
        });
        return { method: 'GET', path: agent, seen };
      }
      case 'explain': {
        const seen = (answer: unknown): Seen => ({
          desired: (answer as { data: { desired: { state: string } } }).data.desired.state,
        });
        return { method: 'GET', path: `${agent}/why`, seen };
      }
      case 'pause':
      case 'resume':
        return { method: 'POST', path: `/api/v1/agents/${id}/${command}` };
      case 'start':
      case 'restart':
      case 'repair':
      case 'stop':
      case 'reset-memory':
        return { method: 'POST', path: `${agent}/${command}` };
    }
  }

  /** Deletes until it is known to be gone, then makes another in its place. */
  private async replace(agentId: string, step: Step, over: AbortSignal): Promise<void> {
    const wish = { method: 'DELETE', path: `/v1/agents/${agentId}`, patienceMs: step.patienceMs };
    for (let tries = 0; tries < MOST_DELETES && !over.aborted; tries++) {
      const answered = await this.say({ command: 'delete', agentId, mark: '', tries: 1 }, wish, over, acknowledged);
      if (answered?.outcome.kind !== 'unknown') break;
    }
    await this.create(step.slot, step, over);
  }

  private async chat(agentId: string, step: Step, over: AbortSignal): Promise<void> {
    const word = this.mark();
    const message = `[[echo ${word}]]`;
    const body = { message, peerId: `client-${this.index}`, onDisconnect: step.onDisconnect };
    const path = `/v1/agents/${agentId}/chat/messages`;
    const wish = { method: 'POST', path, body, key: word, patienceMs: step.patienceMs };
    await this.say({ command: 'chat', agentId, mark: message, tries: step.tries }, wish, over, async (answer) => {
      const frames = await framesOf(answer);
      if (frames.at(-1)?.type === 'done') return { outcome: { kind: 'ok', seen: { reply: textOf(frames) } } };
      return { outcome: { kind: 'unknown', why: JSON.stringify(frames.at(-1) ?? 'no frame') } };
    });
  }

  /** One operation, of as many requests as its tries allow while its outcome is unknown. Undefined: nobody heard it. */
  private async say(
    what: { readonly command: Command; readonly agentId?: string; readonly mark: string; readonly tries: number },
    wish: Wish,
    over: AbortSignal,
    read: Reader,
  ): Promise<Answered | undefined> {
    const { command, mark } = what;
    const began = this.recorder.begin();
    let answered: Answered | undefined;
    for (let left = what.tries; left > 0;) {
      const heard = await this.send(wish, read);
      if (heard === UNDELIVERED) {
        await sleep(UNDELIVERED_PAUSE_MS);
        if (over.aborted) break;
        continue;
      }
      answered = heard;
      left--;
      if (answered.outcome.kind !== 'unknown') break;
      await sleep(1_000 * (answered.retryAfterSeconds ?? 0));
    }
    if (answered === undefined) return undefined;
    const agentId = what.agentId ?? answered.agentId;
    this.recorder.add({ client: this.index, command, agentId, mark, began, outcome: answered.outcome });
    return answered;
  }

  private async send(wish: Wish, read: Reader): Promise<Answered | typeof UNDELIVERED> {
    try {
      const answer = await fetch(`${this.door.url}${wish.path}`, {
        method: wish.method,
        headers: {
          'x-api-key': this.door.apiKey,
          ...(wish.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(wish.key === undefined ? {} : { 'idempotency-key': wish.key }),
        },
        ...(wish.body === undefined ? {} : { body: JSON.stringify(wish.body) }),
        signal: AbortSignal.timeout(wish.patienceMs),
      });
      if (answer.ok) return await read(answer);
      const retryAfterSeconds = Number(answer.headers.get('retry-after'));
      return { outcome: refusalOf(answer.status, await answer.text(), retryAfterSeconds), retryAfterSeconds };
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause?.code;
      if (cause === 'ECONNREFUSED') return UNDELIVERED;
      return { outcome: { kind: 'unknown', why: cause ?? String(error) } };
    }
  }

  /** Another text each time, the same ones in each run of a schedule that gets as far. */
  private mark(): string {
    return `c${this.index}-${++this.made}`;
  }
}

const acknowledged: Reader = async (answer) => {
  await answer.json();
  return { outcome: { kind: 'ok' } };
};

function refusalOf(status: number, body: string, retryAfterSeconds: number): Outcome {
  const code = /"code":"(\w+)"/.exec(body)?.[1] ?? body.slice(0, 200);
  const isForeseen = status === 503 && retryAfterSeconds >= 1;
  if (status >= 500) return { kind: 'unknown', why: `${isForeseen ? 'unavailable' : `status ${status}`} ${code}` };
  if (code === 'idempotency_in_progress') return { kind: 'unknown', why: code };
  return { kind: 'refused', status, code };
}

async function framesOf(answer: Response): Promise<ChatFrame[]> {
  const frames: ChatFrame[] = [];
  const parser = createParser({ onEvent: ({ data }) => frames.push(JSON.parse(data) as ChatFrame) });
  const text = new TextDecoder();
  for await (const bytes of answer.body as ReadableStream<Uint8Array>)
    parser.feed(text.decode(bytes, { stream: true }));
  return frames;
}
