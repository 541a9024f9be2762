/**
 * Variables that send a program's requests through the egress proxy of the agent's edge, for curl, git, npm, pip and Node alike; those to
 * the edge's own door go straight there.
 * @param doorUrl of the agent door, for example `http://edge:4101`
 */
export function proxyEnvironment(doorUrl: string, egressToken: string): Record<string, string> {
  const url = new URL(doorUrl);
  const direct = `${url.hostname},localhost,127.0.0.1,::1`;
  const proxy = `${url.protocol}//agent:${encodeURIComponent(egressToken)}@${url.host}`;
  return {
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    NO_PROXY: direct,
    // curl reads no other spelling of the first, some programs none of all three
    http_proxy: proxy,
    https_proxy: proxy,
    no_proxy: direct,
    NODE_USE_ENV_PROXY: '1',
  };
}
