import { type Server, createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Provider } from 'oidc-provider';

/** Somebody with an account at the provider. */
export interface OidcTestPerson {
  readonly sub: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly name?: string;
}

/** A real OpenID Connect provider on an ephemeral port, whose people sign in by posting their `sub`. */
export interface OidcTestServer {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Adds or changes somebody. */
  know(person: OidcTestPerson): void;
  /** Goes through the provider's pages as a browser would. @returns the address it is sent back to. */
  visit(address: string, sub: string): Promise<string>;
  /** The same for somebody who turns away at the sign-in page. */
  leave(address: string): Promise<string>;
  close(): Promise<void>;
}

const CLIENT = { client_id: 'rookery', client_secret: 'secret-of-rookery-at-the-provider' };

/** @param redirectUri - of the one client the provider knows */
export async function startOidcServer(redirectUri: string): Promise<OidcTestServer> {
  const people = new Map<string, OidcTestPerson>();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = await providerOf(issuer, redirectUri, people);
  server.on('request', provider.callback());
  return {
    issuer,
    clientId: CLIENT.client_id,
    clientSecret: CLIENT.client_secret,
    know: (person) => void people.set(person.sub, person),
    visit: (address, sub) => new Browser(issuer, redirectUri).signIn(address, sub),
    leave: (address) => new Browser(issuer, redirectUri).turnAway(address),
    close: () => closed(server),
  };
}

async function providerOf(
  issuer: string,
  redirectUri: string,
  people: ReadonlyMap<string, OidcTestPerson>,
): Promise<Provider> {
  const oidc = await import('oidc-provider');
  return new oidc.Provider(issuer, {
    clients: [{ ...CLIENT, redirect_uris: [redirectUri], grant_types: ['authorization_code'] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['a key for cookies in tests'] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    findAccount: (_ctx, sub) => {
      const person = people.get(sub);
      return person && { accountId: sub, claims: () => ({ ...person }) };
    },
  });
}

/** Follows redirects and keeps cookies. */
class Browser {
  private readonly cookies = new Map<string, string>();

  constructor(
    private readonly issuer: string,
    private readonly redirectUri: string,
  ) {}

  async signIn(address: string, sub: string): Promise<string> {
    let page = await this.go(address);
    while (page.url === undefined) {
      const answers = page.html.includes('name="login"') ? `prompt=login&password=any&login=${sub}` : 'prompt=consent';
      page = await this.go(page.at, new URLSearchParams(answers));
    }
    return page.url;
  }

  async turnAway(address: string): Promise<string> {
    const page = await this.go(address);
    const away = await this.go(`${page.at}/abort`);
    if (away.url === undefined) throw new Error(`Still at ${away.at}`);
    return away.url;
  }

  private async go(
    address: string,
    form?: URLSearchParams,
  ): Promise<{ url: string; at: string; html: '' } | { url: undefined; at: string; html: string }> {
    if (address.startsWith(this.redirectUri)) return { url: address, at: address, html: '' };
    const answer = await fetch(address, {
      ...(form ? { method: 'POST', body: form } : {}),
      headers: { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      redirect: 'manual',
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      this.cookies.set(name, value);
    }
    const next = answer.headers.get('location');
    const html = await answer.text();
    if (next !== null) return this.go(new URL(next, this.issuer).href);
    if (!answer.ok) throw new Error(`${address}: ${answer.status} ${html.slice(0, 300)}`);
    return { url: undefined, at: address, html };
  }
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
