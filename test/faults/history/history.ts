/** What clients do. `run` commands all leave the agent running, whatever it was before. */
export type Command =
  | 'create'
  | 'start'
  | 'restart'
  | 'repair'
  | 'stop'
  | 'pause'
  | 'resume'
  | 'reset-memory'
  | 'configure'
  | 'update-image'
  | 'delete'
  | 'chat'
  | 'look'
  | 'explain';

/**
 * What the client knows about it afterwards.
 *
 * - `ok`: it was answered, with what was seen
 * - `refused`: it was answered with a refusal that says that nothing was done
 * - `unknown`: no answer came, or one that leaves it open; it may have been done, and may still be
 */
export type Outcome =
  | { readonly kind: 'ok'; readonly seen?: Seen }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** What an answer showed. */
export interface Seen {
  /** Of `look`: the configuration's unique value. */
  readonly value?: string | null;
  /** Of `explain`. */
  readonly desired?: string;
  /** Of `chat`: the whole reply. */
  readonly reply?: string;
}

/** One command of one client, from before its first byte was sent until its answer, or the loss of it, was known. */
export interface Operation {
  readonly client: number;
  readonly command: Command;
  /** Undefined for a `create` whose answer never came. */
  readonly agentId: string | undefined;
  /** What makes it different from all others: a `create`'s name, a `configure`'s value, a `chat`'s message. */
  readonly mark: string;
  /** Places in the one order of all beginnings and ends. */
  readonly began: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

/** Writes down what clients do, in the order in which it happens. */
export class Recorder {
  readonly operations: Operation[] = [];
  /** Commands that have begun; faults are timed by it. */
  begun = 0;
  private now = 0;

  /** The next place in the order. */
  tick(): number {
    return ++this.now;
  }

  begin(): number {
    this.begun++;
    return this.tick();
  }

  add(operation: Omit<Operation, 'ended'>): void {
    this.operations.push({ ...operation, ended: this.tick() });
  }
}
