import { toUSVString } from 'node:util';
import { log } from '../log.js';
import { ToolError } from './agent-tool.js';

/** Bounds of one turn's tool calls. */
export const TOOL_LIMITS = {
  timeoutMs: 60_000,
  outputChars: 32_000,
  callsPerTurn: 100,
} as const;

const MAX_REASON = 1000;

/** Runs the tool calls of one turn, each within its bounds. */
export class ToolCalls {
  private calls = 0;

  constructor(
    private readonly turn: AbortSignal,
    private readonly timeoutMs: number = TOOL_LIMITS.timeoutMs,
  ) {}

  /**
   * The tool's output as a text for the model, cut at 32,000 characters.
   * @throws Error whose message the model may see; the turn's reason once that was aborted
   */
  async run(name: string, execute: (signal: AbortSignal) => unknown): Promise<string> {
    this.turn.throwIfAborted();
    this.calls += 1;
    if (this.calls > TOOL_LIMITS.callsPerTurn) throw new ToolError('Too many tool calls in one turn; answer now.');
    const startedAt = performance.now();
    const took = (): string => `${Math.round(performance.now() - startedAt)} ms`;
    try {
      const output = await this.inTime(execute);
      log('info', `tool ${name} answered in ${took()}`);
      return cut(toText(output));
    } catch (error) {
      this.turn.throwIfAborted();
      log('info', `tool ${name} failed after ${took()}: ${error instanceof Error ? error.name : 'unknown'}`);
      throw forModel(error);
    }
  }

  private async inTime(execute: (signal: AbortSignal) => unknown): Promise<unknown> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(tooSlow(this.timeoutMs)), this.timeoutMs);
    const signal = AbortSignal.any([this.turn, deadline.signal]);
    try {
      return await settledOrAborted(execute, signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A tool that doesn't heed its signal is left behind. */
function settledOrAborted(execute: (signal: AbortSignal) => unknown, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    Promise.resolve()
      .then(() => execute(signal))
      .then(resolve, reject);
  });
}

function toText(output: unknown): string {
  if (typeof output === 'string') return output;
  return JSON.stringify(output) ?? '';
}

function cut(text: string): string {
  const { outputChars } = TOOL_LIMITS;
  if (text.length <= outputChars) return toUSVString(text);
  return `${toUSVString(text.slice(0, outputChars))}\n[cut: ${text.length - outputChars} more characters]`;
}

const forModel = (error: unknown): ToolError =>
  error instanceof ToolError ? new ToolError(error.message.slice(0, MAX_REASON)) : new ToolError('The tool failed.');

const tooSlow = (ms: number): ToolError => new ToolError(`The tool took longer than ${Math.round(ms / 1000)} s.`);
