import { setTimeout as sleep } from 'node:timers/promises';
import { AgentoClient, type ChatFrame, type WireAgent, textOf } from '../../e2e/client.js';

/** An answer that was neither a success nor "try again". */
export interface Surprise {
  readonly lane: string;
  readonly what: string;
}

/** What the installation has promised while its programs were replaced. */
export interface Promised {
  /** Messages whose answer came whole. */
  readonly answered: string[];
  /** Agents that were made and not deleted. */
  readonly made: string[];
  readonly deleted: string[];
  /** The name the renamed agent has. */
  name: string;
  readonly surprises: Surprise[];
  retries: number;
}

/**
 * Clients that talk, look, rename, make and delete until they are stopped. What is refused for now (`503`, or a
 * stream that ends with a code of `forNow`) they try again.
 */
export class Traffic {
  readonly promised: Promised = { answered: [], made: [], deleted: [], name: '', surprises: [], retries: 0 };
  private readonly lanes: Promise<unknown>;
  private isOver = false;
  private round = 0;

  constructor(
    private readonly client: AgentoClient,
    private readonly talker: string,
    private readonly renamed: string,
    private readonly label: string,
    private readonly forNow: readonly string[],
  ) {
    this.lanes = Promise.all([
      this.lane('chat', 0, () => this.talk('ann')),
      this.lane('chat', 1, () => this.talk('bob')),
      this.lane('read', 0, () => this.done('GET', `/v1/agents/${this.talker}`)),
      this.lane('list', 0, () => this.done('GET', '/v1/agents?limit=5')),
      this.lane('rename', 0, () => this.rename()),
      this.lane('make and delete', 0, () => this.makeAndDelete()),
    ]);
  }

  /** Resolves once every client has had the answers to what it asked. */
  async stop(): Promise<Promised> {
    this.isOver = true;
    await this.lanes;
    return this.promised;
  }

  private async lane(name: string, nr: number, act: () => Promise<unknown>): Promise<void> {
    while (!this.isOver) {
      await act().catch((error: unknown) =>
        this.promised.surprises.push({ lane: `${name} ${nr}`, what: String(error) }),
      );
      await sleep(20);
    }
  }

  private async talk(peerId: string): Promise<void> {
    const message = `${this.label} ${(this.round += 1)}`;
    for (;;) {
      const answer = await this.client.open('POST', `/v1/agents/${this.talker}/chat/messages`, { message, peerId });
      const frames = answer.status === 200 ? await this.client.frames(answer) : [];
      if (frames.at(-1)?.type === 'done') {
        if (textOf(frames) === '') throw new Error('done without a text');
        return void this.promised.answered.push(message);
      }
      await this.again(answer, frames.at(-1));
    }
  }

  private async rename(): Promise<void> {
    const name = `${this.label} ${(this.round += 1)}`;
    await this.done('PATCH', `/v1/agents/${this.renamed}`, { name });
    this.promised.name = name;
  }

  private async makeAndDelete(): Promise<void> {
    const body = { name: 'Made on the way', secrets: {}, config: { llmProvider: 'demo' } };
    const key = `${this.label}-${(this.round += 1)}`;
    const { id } = await this.done<WireAgent>('POST', '/v1/agents', body, { 'idempotency-key': key });
    if (this.promised.made.length === this.promised.deleted.length) return void this.promised.made.push(id);
    await this.done('DELETE', `/v1/agents/${id}`);
    this.promised.deleted.push(id);
  }

  private async done<T>(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<T> {
    for (;;) {
      const answer = await this.client.open(method, path, body, headers);
      if (answer.ok) return ((await answer.json()) as { data: T }).data;
      await this.again(answer);
    }
  }

  /** @throws when it was not said that trying again helps */
  private async again(answer: Response, last?: ChatFrame): Promise<void> {
    const said = last ? JSON.stringify(last) : answer.bodyUsed ? '' : await answer.text();
    const isForNow = answer.status === 503 && answer.headers.has('retry-after');
    if (!isForNow && !this.forNow.includes(last?.code ?? '')) throw new Error(`${answer.status} ${said}`);
    this.promised.retries += 1;
    await sleep(200);
  }
}
