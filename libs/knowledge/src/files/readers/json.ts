import { type FileRecord, packRecords } from '../cut-text.js';
import type { FilePiece } from '../knowledge-file.js';
import { Unreadable } from '../unreadable.js';

const DEEPEST = 50;

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/**
 * Items as `path: value` lines: those of the list the file is or holds alone (`{"faqs": []}`), else the fields of its
 * object. Pieces hold whole items and say from which to which, counted from 1.
 * @throws Unreadable for what is no JSON or nests deeper than 50.
 */
export function readJson(text: string, most: number): FilePiece[] {
  return packRecords(recordsOf(itemsOf(parsed(text))), most, ['firstItem', 'lastItem']);
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const where = /position \d+(?: \(line \d+ column \d+\))?/.exec(error instanceof Error ? error.message : '')?.[0];
    throw new Unreadable('file_broken', `The file is no JSON${where === undefined ? '' : `: wrong at ${where}`}`);
  }
}

function itemsOf(json: Json): readonly Json[] {
  if (Array.isArray(json)) return json as readonly Json[];
  if (json === null || typeof json !== 'object') return [json];
  const [only, ...more] = Object.values(json);
  if (more.length === 0 && Array.isArray(only)) return only as readonly Json[];
  return Object.entries(json).map(([name, value]) => ({ [name]: value }));
}

function* recordsOf(items: readonly Json[]): Generator<FileRecord> {
  for (const [at, item] of items.entries()) yield { text: linesOf(item, '', 0).join('\n'), number: at + 1 };
}

function linesOf(json: Json, path: string, depth: number): string[] {
  if (depth > DEEPEST) throw new Unreadable('file_too_complex', `The JSON nests deeper than ${DEEPEST} levels`);
  if (json === null || json === '') return [];
  if (typeof json !== 'object') return [path === '' ? String(json) : `${path}: ${String(json)}`];
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  return Array.isArray(json)
    ? (json as readonly Json[]).flatMap((value) => linesOf(value, path, depth + 1))
    : Object.entries(json).flatMap(([name, value]) => linesOf(value, below(name), depth + 1));
}
