import { agent402Surface } from './agent402/agent402.surface.js';
import { ApiV1AgentsModule } from './api-v1-agents/api-v1-agents.module.js';
import { agentoSurface } from './agento/agento.surface.js';
import type { Surface } from './surface.js';

/** Every published contract. The first place to look for a route: the folder of its surface. */
export const SURFACES: readonly Surface[] = [agentoSurface, { ...agent402Surface, shared: [ApiV1AgentsModule] }];
