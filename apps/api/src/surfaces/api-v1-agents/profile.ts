import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { invalid } from '#libs/kernel';
import type { ApiRequest } from '../../http/request.js';

/** Whose client is asking; without a word about it an answer fits both. */
export const API_PROFILES = ['agentclaw', 'mission-control'] as const;
export type ApiProfile = (typeof API_PROFILES)[number];

/** @throws DomainError `validation`. */
export function profileOf(value: unknown): ApiProfile | undefined {
  if (value === undefined) return undefined;
  const profile = API_PROFILES.find((name) => name === value);
  if (profile) return profile;
  const message = `must be one of ${API_PROFILES.join(', ')}`;
  throw invalid(`X-Api-Profile ${message}`, [{ path: ['header', 'x-api-profile'], message, type: 'literal_error' }]);
}

/** `X-Api-Profile`, or the query parameter `profile` for clients that can't set headers. */
export const Profile = createParamDecorator((_data: unknown, context: ExecutionContext): ApiProfile | undefined => {
  const { headers, query } = context.switchToHttp().getRequest<ApiRequest>();
  return profileOf(headers['x-api-profile'] ?? (query as Readonly<Record<string, unknown>>).profile);
});
