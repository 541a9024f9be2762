import type { ServerResponse } from 'node:http';

/** Fires when nothing was heard for too long. Waiting for a client that reads slowly is no silence. */
export class SilenceTimer {
  private readonly timer: NodeJS.Timeout;

  constructor(timeoutMs: number, res: ServerResponse, onSilent: () => void) {
    this.timer = setTimeout(() => {
      if (res.writableNeedDrain) this.timer.refresh();
      else onSilent();
    }, timeoutMs);
    res.once('close', () => clearTimeout(this.timer));
  }

  heard(): void {
    this.timer.refresh();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
