import { rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../gateway-error.js';
import { readJson } from '../request-body.js';
import { realFolder } from '../workspace/folders.js';
import { isSkillName } from './skill-file.js';

const MAX_BODY_BYTES = 64 * 1024;

/** Answers `POST /v1/skills/discard`: skills that the control plane takes back are gone when it returns. @throws GatewayError */
export async function discardSkills(req: IncomingMessage, workspace: string): Promise<void> {
  for (const name of namesIn(await readJson(req, MAX_BODY_BYTES))) {
    const folder = realFolder(workspace, 'skills', name);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function namesIn(body: unknown): string[] {
  const skills: unknown = typeof body === 'object' && body !== null && 'skills' in body ? body.skills : undefined;
  const isName = (one: unknown): one is string => typeof one === 'string' && isSkillName(one);
  if (Array.isArray(skills) && skills.every(isName)) return skills;
  throw new GatewayError(400, 'bad_request', 'skills must be names of skills.');
}
