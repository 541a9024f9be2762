import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Call, type Model, linearise } from './linearise.js';

type Op = { readonly write: number } | { readonly read: number };

const register: Model<number, Op> = {
  initial: 0,
  apply: (state, op) => ('write' in op ? op.write : op.read === state ? state : undefined),
  keyOf: String,
};
const call = (op: Op, began: number, ended: number, isCertain = true): Call<Op> => ({
  ...{ op, began, ended, isCertain },
  kind: JSON.stringify(op),
});

it('finds an order for what overlapped, none against the clock', () => {
  const read = call({ read: 0 }, 2, 3);
  expect(linearise([call({ write: 1 }, 1, 4), read], register).kind).toBe('explained');
  expect(linearise([call({ write: 1 }, 0, 1), read], register)).toMatchObject({
    kind: 'unexplained',
    state: 1,
    done: 1,
  });
});

it('lets calls without an answer happen late, or never', () => {
  const open = call({ write: 1 }, 0, Infinity, false);
  expect(linearise([open, call({ read: 0 }, 5, 6)], register).kind).toBe('explained');
  expect(linearise([open, call({ read: 0 }, 5, 6), call({ read: 1 }, 7, 8)], register).kind).toBe('explained');
  expect(linearise([call({ read: 1 }, 1, 2), call({ write: 1 }, 3, Infinity, false)], register).kind).toBe(
    'unexplained',
  );
});

/** Calls whose moments of effect are known, with beginnings and ends around them. */
const history = fc
  .array(
    fc.record({ isWrite: fc.boolean(), value: fc.nat(3), before: fc.nat(25), after: fc.nat(25), lost: fc.nat(4) }),
    {
      minLength: 1,
      maxLength: 25,
    },
  )
  .map((steps) => {
    let state = 0;
    return steps.map(({ isWrite, value, before, after, lost }, index) => {
      const at = 10 * index;
      const isCertain = !isWrite || lost > 0;
      if (isWrite) state = value;
      const op: Op = isWrite ? { write: value } : { read: state };
      return call(op, at - before, isCertain ? at + after + 1 : Infinity, isCertain);
    });
  });

it('explains every history that a register made', () => {
  fc.assert(fc.property(history, (calls) => linearise(calls, register).kind === 'explained'));
});

it('explains no history with a read of what nobody wrote', () => {
  fc.assert(
    fc.property(history, fc.nat(400), (calls, at) => {
      return linearise([...calls, call({ read: 9 }, at, at + 1)], register).kind === 'unexplained';
    }),
  );
});
