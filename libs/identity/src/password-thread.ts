import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { hashSync, verifySync } from '@node-rs/argon2';
import type { PasswordTask } from './password-threads.js';

/** The body of a thread that hashes passwords: takes a task, answers with a PHC string or whether the password matches. */
const port = parentPort;
if (!port) throw new Error('This file is the body of a worker thread');

// On Linux a thread has a priority of its own; elsewhere this would be that of the whole process.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW);

port.on('message', (task: PasswordTask) =>
  port.postMessage('phc' in task ? verifySync(task.phc, task.password) : hashSync(task.password, task.options)),
);
