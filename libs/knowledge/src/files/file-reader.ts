import { Worker } from 'node:worker_threads';
import { Injectable } from '@nestjs/common';
import { compiledFile } from '#libs/kernel';
import type { FilePiece } from './knowledge-file.js';
import type { FileToRead } from './read-file.js';
import { Unreadable, type UnreadableCode } from './unreadable.js';

interface Bounds {
  readonly seconds: number;
  readonly heapMb: number;
}

const BOUNDS: Bounds = { seconds: 120, heapMb: 512 };

type Answer = { readonly pieces: FilePiece[] } | { readonly code: UnreadableCode; readonly message: string };

/** Reads files that nobody has checked: each in a thread of its own, with bounds on memory and time. */
@Injectable()
export class FileReader {
  /** @throws Unreadable, also for a file that takes too much; what the signal was aborted with. */
  async read(file: FileToRead, signal: AbortSignal, bounds = BOUNDS): Promise<FilePiece[]> {
    signal.throwIfAborted();
    const thread = new Worker(compiledFile('libs/knowledge/src/files/file-thread.js'), {
      workerData: file,
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: bounds.heapMb, maxYoungGenerationSizeMb: 64 },
    });
    thread.stdout.resume();
    thread.stderr.resume();
    const late = AbortSignal.timeout(bounds.seconds * 1_000);
    try {
      const answer = await answerOf(thread, AbortSignal.any([signal, late]));
      if ('pieces' in answer) return answer.pieces;
      throw new Unreadable(answer.code, answer.message);
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted) throw tooComplex(`The file takes longer than ${bounds.seconds} s to read`);
      throw error;
    } finally {
      await thread.terminate();
    }
  }
}

function answerOf(thread: Worker, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', (error: Error & { code?: string }) =>
      reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooComplex('The file takes too much memory to read') : error),
    );
    thread.once('exit', (code) => reject(new Error(`the thread that read a file ended with ${code}`)));
    signal.addEventListener('abort', () => reject(new Error('the reading was stopped')), { once: true });
  });
}

const tooComplex = (message: string): Unreadable => new Unreadable('file_too_complex', message);
