import { AUTHENTICATION, TEAM, TEMPLATES } from './accounts.js';
import { AGENTS, PERSONALITY } from './agents.js';
import { CONVERSATIONS } from './conversations.js';
import { HEALTH } from './health.js';
import type { DocumentedRoute } from './route.js';
import { KEYS_AND_SECURITY } from './security.js';
import { AGENT_SKILLS, SKILLS } from './skills.js';
import { SWARMS, SWARM_OBSERVABILITY } from './swarms.js';

/** A part of the published documentation, with how many routes it has there. */
export interface DocumentedSection {
  readonly name: string;
  readonly count: number;
  readonly routes: readonly DocumentedRoute[];
}

/** The parts that are served, in the order of the documentation; one more is a file here and an entry. */
export const SECTIONS: readonly DocumentedSection[] = [
  { name: 'Authentication', count: 6, routes: AUTHENTICATION },
  { name: 'Agents', count: 11, routes: AGENTS },
  { name: 'Personality', count: 5, routes: PERSONALITY },
  { name: 'Swarms', count: 10, routes: SWARMS },
  { name: 'Swarm observability', count: 5, routes: SWARM_OBSERVABILITY },
  { name: 'Skills', count: 13, routes: [...SKILLS, ...AGENT_SKILLS] },
  { name: 'Conversations', count: 10, routes: CONVERSATIONS },
  { name: 'Keys and security', count: 11, routes: KEYS_AND_SECURITY },
  { name: 'Team', count: 5, routes: TEAM },
  { name: 'Templates', count: 3, routes: TEMPLATES },
  { name: 'Health and metrics', count: 6, routes: HEALTH },
];

/** Every route of these parts. */
export const DOCUMENTED = SECTIONS.flatMap(({ routes }) => routes);
