import { describe, expect, it } from '@jest/globals';
import { DomainError } from '#libs/kernel';
import { CRASH_LIMIT, type Failure, backoffSeconds, decideFailure, failureOf, failureOfExit } from './failure.js';

const crash: Failure = { category: 'unknown', message: 'ended', crash: true };

describe('decideFailure', () => {
  it('tries again at once, then ever later, up to a minute', () => {
    expect([1, 2, 3, 4, 5, 10, 100].map(backoffSeconds)).toEqual([0, 1, 2, 4, 8, 60, 60]);
  });

  it('keeps the first failures to itself and shows the later ones', () => {
    const failure: Failure = { category: 'provision_failed', message: 'no', crash: false };
    expect([0, 1, 2, 50].map((attempts) => decideFailure(failure, attempts).visible)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(decideFailure(failure, 50).retryInSeconds).toBe(60);
  });

  it('gives up a crash loop, and tells memory from other causes', () => {
    expect(decideFailure(crash, CRASH_LIMIT - 1)).toMatchObject({ category: 'unknown', attempts: CRASH_LIMIT });
    expect(decideFailure(crash, CRASH_LIMIT)).toMatchObject({ category: 'crash_loop', retryInSeconds: null });
    expect(decideFailure({ ...crash, category: 'oom' }, CRASH_LIMIT)).toMatchObject({
      category: 'oom',
      retryInSeconds: null,
    });
  });

  it.each(['config', 'auth'] as const)('does not repeat what only its owner can cure: %s', (category) => {
    expect(decideFailure({ category, message: 'no', crash: false }, 0)).toMatchObject({
      retryInSeconds: null,
      visible: true,
    });
  });
});

describe('failureOf', () => {
  it.each([
    [new DomainError('unavailable', 'image_pull', 'no image'), 'image_pull'],
    [new DomainError('no_capacity', 'full', 'no room'), 'no_capacity'],
    [new Error('socket hang up'), 'provision_failed'],
    ['text', 'provision_failed'],
  ])('names the category of %s', (error, category) => {
    expect(failureOf(error)).toMatchObject({ category, crash: false });
  });

  it('keeps messages short', () => {
    expect(failureOf(new Error('x'.repeat(10_000))).message).toHaveLength(500);
  });
});

describe('failureOfExit', () => {
  it.each([
    [{ status: 'exited', exitCode: 137, oomKilled: true }, 'oom'],
    [{ status: 'exited', exitCode: 78, oomKilled: false }, 'config'],
    [{ status: 'exited', exitCode: 77, oomKilled: false }, 'auth'],
    [{ status: 'exited', exitCode: 1, oomKilled: false }, 'unknown'],
    [{ status: 'exited', exitCode: null, oomKilled: false }, 'unknown'],
    [{ status: 'missing', exitCode: null, oomKilled: false }, 'unknown'],
  ] as const)('reads %j', (ended, category) => {
    expect(failureOfExit(ended)).toMatchObject({ category, crash: true });
  });
});
