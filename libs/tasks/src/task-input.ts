import {
  type CreateTask,
  TASK_RESULT_MAX_BYTES,
  TASK_TEXT_MAX_LENGTH,
  TASK_TITLE_MAX_LENGTH,
  type UpdateTask,
} from './task.js';
import { wrongTaskField } from './tasks.errors.js';

/** What Postgres cannot hold. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** @throws DomainError `validation` naming the field. */
export function checkedTask(task: CreateTask): CreateTask & { description: string } {
  const title = task.title.trim();
  requireTitle(title);
  const description = task.description ?? '';
  requireText('description', description);
  return { ...task, title, description };
}

/** @throws DomainError `validation` naming the field. */
export function checkedChange(change: UpdateTask): UpdateTask {
  const wanted = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as UpdateTask;
  if (Object.keys(wanted).length === 0) throw wrongTaskField('status', 'Nothing to change', 'missing');
  if (wanted.title !== undefined) requireTitle(wanted.title.trim());
  if (wanted.description !== undefined) requireText('description', wanted.description);
  if (wanted.error !== undefined) requireText('error', wanted.error);
  if (wanted.result !== undefined) requireResult(wanted.result);
  return wanted.title === undefined ? wanted : { ...wanted, title: wanted.title.trim() };
}

function requireTitle(title: string): void {
  if (title === '') throw wrongTaskField('title', 'title must not be empty', 'string_too_short');
  if (title.length > TASK_TITLE_MAX_LENGTH) {
    throw wrongTaskField('title', `title may have at most ${TASK_TITLE_MAX_LENGTH} characters`, 'string_too_long');
  }
  requireStorable('title', title);
}

function requireText(field: string, text: string): void {
  if (text.length > TASK_TEXT_MAX_LENGTH) {
    throw wrongTaskField(field, `${field} may have at most ${TASK_TEXT_MAX_LENGTH} characters`, 'string_too_long');
  }
  requireStorable(field, text);
}

function requireStorable(field: string, text: string): void {
  if (UNSTORABLE.test(text)) throw wrongTaskField(field, `${field} must not hold NUL characters`, 'string_pattern');
}

function requireResult(result: unknown): void {
  const json = JSON.stringify(result);
  if (Buffer.byteLength(json) > TASK_RESULT_MAX_BYTES) {
    throw wrongTaskField('result', `result may have at most ${TASK_RESULT_MAX_BYTES} bytes of JSON`, 'too_long');
  }
  if (/\\u0000|\\ud[89a-f]/i.test(json)) {
    throw wrongTaskField('result', 'result must not hold NUL characters', 'string_pattern');
  }
}
