import { describe, expect, it } from '@jest/globals';
import { CoarseRows, coarsened } from './coarse-rows.js';

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** Most numbers of it are small, and few large. */
const wave = (dimensions: number, step: number): Float32Array =>
  unit(Float32Array.from({ length: dimensions }, (_v, i) => Math.sin(1 + i * step) ** 3));

describe('coarse rows', () => {
  it.each([24, 512, 3_072])('of %i numbers keep the order of what is a hundredth apart', (dimensions) => {
    const [one, other] = [wave(dimensions, 0.7), wave(dimensions, 1.3)];
    const closer = Array.from({ length: 30 }, (_v, n) => unit(one.map((value, i) => value + n * 0.05 * other[i]!)));
    const ordered = closer
      .filter((row, n) => n === 0 || Math.abs(dot(one, closer[n - 1]!) - dot(one, row)) > 0.01)
      .sort((a, b) => dot(one, b) - dot(one, a));
    const products = ordered.map((row) => dot(coarsened(one), coarsened(row)));
    expect(products.length).toBeGreaterThan(10);
    expect(products).toEqual([...products].sort((a, b) => b - a));
  });

  it('are made as rows come, and anew once they were moved', () => {
    const rows = new Float32Array([1, 0, 0, 1, 0, 0]);
    const coarse = new CoarseRows(2);
    expect([...coarse.of(rows, 2, Uint32Array.of(0, 1))]).toEqual([127, 0, 0, 127]);
    rows.set([-1, 0], 4);
    expect([...coarse.of(rows, 3, Uint32Array.of(1, 2))]).toEqual([0, 127, -127, 0]);
    rows.copyWithin(0, 4);
    coarse.clear();
    expect([...coarse.of(rows, 1, Uint32Array.of(0))]).toEqual([-127, 0]);
  });
});
