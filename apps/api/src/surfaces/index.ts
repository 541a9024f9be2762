import type { Surface } from './surface.js';

/** Every published contract. The first place to look for a route: the folder of its surface. */
export const SURFACES: readonly Surface[] = [];
