import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Logger } from '#libs/observability';
import { Ingestion } from '../ingestion.js';
import { checkedChunks } from '../knowledge-input.js';
import { CHUNKS_MAX } from '../knowledge.js';
import { type ClaimedFile, FileLoads, type LoadError } from './file-loads.js';
import { FileReader } from './file-reader.js';
import type { FilePiece } from './knowledge-file.js';
import { Unreadable } from './unreadable.js';

/** Files at a time in one worker. */
const MOST_LOADS = 2;
const RENEW_MS = 5_000;
/** Also counts workers that died over it. */
const MOST_ATTEMPTS = 8;
const FIRST_DELAY_SECONDS = 5;
const LONGEST_DELAY_SECONDS = 300;

/** Time does not cure these. */
const FINAL: readonly string[] = ['plan_limit', 'validation', 'not_found', 'unprocessable'];

/** A claim that ended: by deletion, or because another worker took the file over. */
class Superseded extends Error {}

/** Loads files that wait. What a killed worker left is gone on with once its claim has run out. */
@Injectable()
export class FileLoader {
  private running = 0;

  constructor(
    @Inject(FileLoads) private readonly loads: FileLoads,
    @Inject(FileReader) private readonly reader: FileReader,
    @Inject(Ingestion) private readonly ingestion: Ingestion,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Until none is due. Returns at once when this worker is loading as many as it may: those calls take the next too. */
  async loadDue(signal: AbortSignal): Promise<void> {
    if (this.running >= MOST_LOADS) return;
    this.running += 1;
    try {
      while (!signal.aborted) {
        const file = await this.loads.claim();
        if (!file) return;
        await this.load(file, signal);
      }
    } finally {
      this.running -= 1;
    }
  }

  private async load(file: ClaimedFile, signal: AbortSignal): Promise<void> {
    const claim = new AbortController();
    const renewing = setInterval(() => {
      this.loads.renew(file).then(
        (isMine) => (isMine ? undefined : claim.abort(new Superseded())),
        () => undefined,
      );
    }, RENEW_MS);
    try {
      if (file.attempts > MOST_ATTEMPTS) throw new Unreadable('file_too_complex', 'The file was given up');
      await this.store(file, AbortSignal.any([signal, claim.signal]));
      if (await this.loads.completed(file)) this.logger.info('a file was loaded', { fileId: file.id });
    } catch (error) {
      await this.settle(file, error, signal);
    } finally {
      clearInterval(renewing);
    }
  }

  private async store(file: ClaimedFile, signal: AbortSignal): Promise<void> {
    const { format, content, chunkSize, charset } = file;
    const pieces = await this.reader.read({ format, content, chunkSize, charset: charset ?? undefined }, signal);
    const fits = file.chunksTotal === null || file.chunksTotal === pieces.length;
    if (!fits && !(await this.loads.restarted(file))) throw new Superseded();
    if (!(await this.loads.planned(file, pieces.length))) throw new Superseded();
    for (let at = fits ? file.chunksDone : 0; at < pieces.length; at += CHUNKS_MAX) {
      signal.throwIfAborted();
      const chunks = chunksOf(file, pieces.slice(at, at + CHUNKS_MAX));
      await this.ingestion.ingest(file, file.owner, chunks, signal, async (tx, stored) => {
        if (!(await this.loads.advanced(tx, file, at, chunks.length, stored))) throw new Superseded();
      });
    }
  }

  private async settle(file: ClaimedFile, error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof Superseded || !(await this.loads.renew(file))) return;
    if (signal.aborted) return void (await this.loads.released(file));
    const reason = reasonOf(error);
    this.logger.warn('a file could not be loaded', { fileId: file.id, error, attempt: file.attempts });
    const isFinal = error instanceof Unreadable || (error instanceof DomainError && FINAL.includes(error.kind));
    if (isFinal || file.attempts >= MOST_ATTEMPTS) await this.loads.failed(file, reason);
    else await this.loads.postponed(file, reason, delayOf(file.attempts));
  }
}

const chunksOf = (file: ClaimedFile, pieces: readonly FilePiece[]): ReturnType<typeof checkedChunks>[number][] =>
  checkedChunks(
    pieces.map(({ text, place }) => ({ text, source: file.name, metadata: { ...file.metadata, ...place } })),
  ).map((chunk) => ({ ...chunk, fileId: file.id }));

/** In words for the file's owner: what the system itself stumbled over is not theirs to read. */
function reasonOf(error: unknown): LoadError {
  if (error instanceof Unreadable || error instanceof DomainError) return { code: error.code, message: error.message };
  return { code: 'internal_error', message: 'Something went wrong on our side' };
}

const delayOf = (attempt: number): number => Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (attempt - 1));
