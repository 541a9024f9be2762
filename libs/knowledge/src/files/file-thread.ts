import { parentPort, workerData } from 'node:worker_threads';
import { type FileToRead, readFile } from './read-file.js';
import { Unreadable } from './unreadable.js';

/** The body of the thread that reads one file. Its memory is limited, and it is ended when it takes too long. */
readFile(workerData as FileToRead).then(
  (pieces) => parentPort?.postMessage({ pieces }),
  (error: unknown) => {
    const known = error instanceof Unreadable ? error : new Unreadable('file_broken', 'The file cannot be read');
    parentPort?.postMessage({ code: known.code, message: known.message });
  },
);
