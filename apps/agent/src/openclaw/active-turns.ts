import type { GatewayError } from '../gateway-error.js';

/** A turn OpenClaw is working on. */
export interface ActiveTurn {
  /** OpenClaw's whole session key. */
  readonly sessionKey: string;
  /** Ends the turn with an error; later calls change nothing. */
  fail(error: GatewayError): void;
}

/** How OpenClaw introduces itself to the model; keys hold a random part, so nobody can say another's. */
const RUNTIME_LINE = /Runtime: agent=[a-z]+ \| session=(agent:[a-z]+:[^\s|"\\]+) \|/;

/** Finds the turn for which the model is being called, so that a failed call ends that turn and no other. */
export class ActiveTurns {
  private readonly turns = new Map<string, ActiveTurn>();

  get size(): number {
    return this.turns.size;
  }

  add(turn: ActiveTurn): void {
    this.turns.set(turn.sessionKey, turn);
  }

  delete(turn: ActiveTurn): void {
    if (this.turns.get(turn.sessionKey) === turn) this.turns.delete(turn.sessionKey);
  }

  /** @param body what OpenClaw sends to the model; undefined when it is the call of none of the turns, or of no known one */
  of(body: string): ActiveTurn | undefined {
    const named = RUNTIME_LINE.exec(body)?.[1];
    if (named !== undefined) return this.turns.get(named);
    const [only, ...others] = this.turns.values();
    return others.length === 0 ? only : undefined;
  }

  failAll(error: GatewayError): void {
    for (const turn of this.turns.values()) turn.fail(error);
  }
}
