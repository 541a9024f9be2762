const NAME = 'rookery_admin';
const PATH = '/admin';

/** The session of a platform admin's browser: sent to /admin only, never read by an API surface or a script. */
export const adminCookie = (accessToken: string, maxAgeSeconds: number, secure: boolean): string =>
  serialise(accessToken, maxAgeSeconds, secure);

export const clearedAdminCookie = (secure: boolean): string => serialise('', 0, secure);

/** The access token inside a `Cookie` header. */
export function adminTokenOf(header: string | undefined): string | undefined {
  const pairs = header?.split(';').map((pair) => pair.trim()) ?? [];
  const found = pairs.find((pair) => pair.startsWith(`${NAME}=`));
  return found?.slice(NAME.length + 1) || undefined;
}

const serialise = (value: string, maxAgeSeconds: number, secure: boolean): string =>
  [`${NAME}=${value}`, `Path=${PATH}`, `Max-Age=${maxAgeSeconds}`, 'HttpOnly', 'SameSite=Strict', secure && 'Secure']
    .filter((part) => part !== false)
    .join('; ');
