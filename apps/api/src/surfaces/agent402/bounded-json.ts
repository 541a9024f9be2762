import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ValidateBy, type ValidationArguments } from 'class-validator';

/** How much a client may hang on a thing as JSON. */
export interface JsonBounds {
  /** Levels of objects and lists, the outermost included. */
  readonly depth: number;
  /** Fields of all objects together; items of lists count too. */
  readonly keys: number;
  /** Characters of a string, and of a key. */
  readonly stringLength: number;
}

/** Metadata of conversations and messages. */
export const METADATA_BOUNDS: JsonBounds = { depth: 3, keys: 50, stringLength: 1_000 };

/** Configuration of swarms and agents. */
export const CONFIGURATION_BOUNDS: JsonBounds = { depth: 4, keys: 100, stringLength: 2_000 };

const REFUSED_KEYS = new Set(['__proto__', 'constructor', 'prototype', 'eval']);

/** A JSON object within bounds and without keys that could reach a prototype. */
export const BoundedJson = (bounds: JsonBounds): PropertyDecorator =>
  applyDecorators(
    // class-transformer drops such keys from its copy; what is checked, and goes on, is what was sent
    Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key]),
    ValidateBy({
      name: 'boundedJson',
      validator: {
        validate: (value: unknown) => jsonProblem(value, bounds) === undefined,
        defaultMessage: (given?: ValidationArguments) => `$property ${jsonProblem(given?.value, bounds) ?? 'is wrong'}`,
      },
    }),
  );

/** What is wrong with a value as a bounded JSON object, as the end of a sentence; undefined when nothing is. */
export function jsonProblem(value: unknown, bounds: JsonBounds): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a JSON object';
  let keys = 0;
  let level: unknown[] = [value];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > bounds.depth) return `may be at most ${bounds.depth} levels deep`;
    const entries = level.flatMap((container) => Object.entries(container as object));
    keys += entries.length;
    if (keys > bounds.keys) return `may have at most ${bounds.keys} keys`;
    const problem = entries.map(([key, entry]) => entryProblem(key, entry, bounds)).find(Boolean);
    if (problem) return problem;
    level = entries.map(([, entry]) => entry).filter((entry) => typeof entry === 'object' && entry !== null);
  }
  return undefined;
}

function entryProblem(key: string, entry: unknown, { stringLength }: JsonBounds): string | undefined {
  if (REFUSED_KEYS.has(key)) return `may not have a key ${key}`;
  if (key.length > stringLength) return `may have keys of at most ${stringLength} characters`;
  if (typeof entry !== 'string' || entry.length <= stringLength) return undefined;
  return `may have strings of at most ${stringLength} characters`;
}
