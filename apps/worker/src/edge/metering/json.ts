export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A member of an object that is an object itself; else an empty one. */
export function objectAt(value: unknown, ...names: readonly string[]): JsonObject {
  const found = isObject(value) ? names.map((name) => value[name]).find(isObject) : undefined;
  return found ?? {};
}

/** A count of tokens; undefined for anything else. */
export function countAt(value: unknown, ...names: readonly string[]): number | undefined {
  if (!isObject(value)) return undefined;
  const found = names.map((name) => value[name]).find((member) => member !== undefined && member !== null);
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 ? found : undefined;
}

export const listAt = (value: unknown, name: string): readonly unknown[] => {
  const found = isObject(value) ? value[name] : undefined;
  return Array.isArray(found) ? found : [];
};
