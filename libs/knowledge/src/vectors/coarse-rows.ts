/** What 1 becomes. The same for all rows, which are of length 1: so their products compare them, and no byte runs over. */
const SCALE = 127;

/** Rows in a byte a number: a look at these is many times quicker than one at their floats, and hardly ever off by a hundredth. */
export class CoarseRows {
  private bytes = new Int8Array();
  private made = 0;

  constructor(private readonly dimensions: number) {}

  /** To be called when rows were moved: all are made anew. */
  clear(): void {
    this.bytes = new Int8Array();
    this.made = 0;
  }

  /** Those of the rows, which are in order; made when first asked for. */
  of(rows: Float32Array, count: number, chosen: Uint32Array): Int8Array {
    const { dimensions } = this;
    if (this.bytes.length < count * dimensions) {
      const larger = new Int8Array(rows.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    coarsen(rows, this.bytes, this.made * dimensions, count * dimensions);
    this.made = count;
    if (chosen.length === count) return this.bytes.subarray(0, count * dimensions);
    const some = new Int8Array(chosen.length * dimensions);
    chosen.forEach((row, n) => some.set(this.bytes.subarray(row * dimensions, (row + 1) * dimensions), n * dimensions));
    return some;
  }
}

/** All of these vectors. */
export function coarsened(vectors: Float32Array): Int8Array {
  const bytes = new Int8Array(vectors.length);
  coarsen(vectors, bytes, 0, vectors.length);
  return bytes;
}

function coarsen(from: Float32Array, to: Int8Array, first: number, end: number): void {
  for (let i = first; i < end; i += 1) to[i] = Math.round(from[i]! * SCALE);
}
