/** Watches how much a thread takes at once. */
export interface AllocationGuard {
  readonly exceeded: boolean;
  end(): void;
}

const GUARDED = ['ArrayBuffer', 'Uint8Array', 'Int8Array', 'Uint8ClampedArray'] as const;

/**
 * No buffer of more than `mostBytes` can be made from now on: buffers lie outside the heap that a thread's limits count.
 * `DecompressionStream` is gone meanwhile, because it hands out pieces that are small each; libraries fall back to
 * unpacking into one growing buffer. For a thread that does nothing else.
 */
export function guardAllocations(mostBytes: number): AllocationGuard {
  const globals = globalThis as unknown as Record<string, unknown>;
  const before = new Map<string, unknown>([...GUARDED, 'DecompressionStream'].map((name) => [name, globals[name]]));
  const state = { exceeded: false };
  const guarded = (target: new (...args: unknown[]) => object): object => {
    const proxy: object = new Proxy(target, {
      construct: (_target, args: unknown[], newTarget: object) => {
        if (typeof args[0] === 'number' && args[0] > mostBytes) {
          state.exceeded = true;
          throw new RangeError(`A buffer of ${args[0]} bytes is more than ${mostBytes}`);
        }
        return Reflect.construct(target, args, newTarget === proxy ? target : (newTarget as typeof target)) as object;
      },
    });
    return proxy;
  };
  for (const name of GUARDED) globals[name] = guarded(before.get(name) as new (...args: unknown[]) => object);
  globals.DecompressionStream = undefined;
  return {
    get exceeded() {
      return state.exceeded;
    },
    end: () => before.forEach((value, name) => (globals[name] = value)),
  };
}
