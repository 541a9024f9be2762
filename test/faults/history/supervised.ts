import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StartedProgram, startProgram } from '../programs.js';

const AGAIN_AFTER_MS = 200;

/** A program that is started again whenever it ends, as launcher, systemd or an orchestrator do. */
export class Supervised {
  private current: StartedProgram | undefined;
  private isOver = false;
  private isReady = false;
  private downUntil = 0;
  private log = '';
  private readonly loop: Promise<void>;

  constructor(
    private readonly program: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {
    this.loop = this.keepRunning();
  }

  /** It runs and has said that it is ready. */
  get isUp(): boolean {
    return this.isReady;
  }

  /** What all its instances have printed. */
  get output(): string {
    return this.log + (this.current?.output() ?? '');
  }

  /** kill -9, whatever it is doing; it comes back after `downMs`. */
  async kill(downMs: number): Promise<true> {
    this.downUntil = Date.now() + downMs;
    await this.current?.end('SIGKILL');
    return true;
  }

  /** Stands still in the midst of whatever it is doing. @returns false when nothing ran. */
  async freeze(downMs: number): Promise<boolean> {
    const { child } = this.current ?? {};
    if (!child?.kill('SIGSTOP')) return false;
    await sleep(downMs);
    child.kill('SIGCONT');
    return true;
  }

  /** For good. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.isOver = true;
    await this.current?.end(signal);
    await this.loop;
  }

  private async keepRunning(): Promise<void> {
    while (!this.isOver) {
      const program = startProgram(this.program, this.environment);
      this.current = program;
      const end = once(program.child, 'exit');
      await program.ready.then(() => (this.isReady = true)).catch(() => undefined);
      await end;
      this.isReady = false;
      this.log += `${program.output()}\n-- ended with ${program.child.signalCode ?? program.child.exitCode}\n`;
      this.current = undefined;
      await sleep(Math.max(AGAIN_AFTER_MS, this.downUntil - Date.now()));
    }
  }
}
