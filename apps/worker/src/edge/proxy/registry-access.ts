import { type Socket, connect as connectTcp } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { type BuildClaims, verifyBuildToken } from '#libs/crypto';
import { EgressError, type HostPattern, hostPattern, matchesHost } from '#libs/egress';
import { DomainError } from '#libs/kernel';
import type { AdmittedAgent } from '../agent-gate.js';
import type { ProxyTarget } from './proxy-request.js';

const CONNECT_MS = 10_000;
const BUILD = 'build:';

/** Opens connections to a host and port. */
export interface Connector {
  connect(host: string, port: number, signal: AbortSignal): Promise<Socket>;
}

/** Lets installations of tools reach the registries that the operator configured, and nothing else. */
@Injectable()
export class RegistryAccess implements Connector {
  private readonly approved: readonly HostPattern[];

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.approved = registryHosts(config.tools);
  }

  /** Whether something that was let in is an installation, not an agent. */
  static isBuild(agentId: string): boolean {
    return agentId.startsWith(BUILD);
  }

  /**
   * Undefined for a token that is none of an installation.
   * @throws DomainError `forbidden` for a host that is no registry's; `unauthenticated` for another host's token.
   */
  admit(token: string | undefined, { host, port }: ProxyTarget): AdmittedAgent | undefined {
    const claims = this.claimsOf(token);
    if (!claims) return undefined;
    if (claims.hostId !== this.config.host.id) {
      throw new DomainError('unauthenticated', 'wrong_host', 'This token belongs to another host');
    }
    if (!matchesHost(this.approved, host, port)) {
      const message = `${host}:${port} is no registry of this host: see TOOLS_DOWNLOAD_HOSTS`;
      throw new DomainError('forbidden', 'egress_host_refused', message);
    }
    return { orgId: '', agentId: `${BUILD}${claims.digest}`, swarmId: null, epoch: 0 };
  }

  /** Wherever the name leads: registries are the operator's choice, and may well be on a private network. */
  connect(host: string, port: number, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = connectTcp({ host, port, autoSelectFamily: true });
      const fail = (): void => {
        socket.destroy();
        reject(signal.aborted ? (signal.reason as Error) : unreachable(host));
      };
      signal.addEventListener('abort', fail, { once: true });
      socket.setTimeout(CONNECT_MS, fail).once('error', fail);
      socket.once('connect', () => {
        signal.removeEventListener('abort', fail);
        socket.setTimeout(0).off('error', fail).off('timeout', fail);
        resolve(socket);
      });
    });
  }

  private claimsOf(token: string | undefined): BuildClaims | undefined {
    try {
      return token === undefined ? undefined : verifyBuildToken(this.config.security.jwtSecret, token);
    } catch {
      // an agent's, or nobody's: whoever asks next says so
      return undefined;
    }
  }
}

/** The hosts of all registries, each at its own port, and those they deliver from. */
function registryHosts({ registries, downloadHosts }: Config['tools']): HostPattern[] {
  const words = Object.values(registries).flatMap((text) => text?.split(' ') ?? []);
  const urls = words.flatMap((word) => (/^https?:\/\//.test(word) ? [new URL(word)] : []));
  const own = urls.map(({ hostname, port, protocol }) => `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`);
  return [...own, ...downloadHosts].flatMap((text) => hostPattern(text) ?? []);
}

const unreachable = (host: string): EgressError => new EgressError('egress_unreachable', `${host} does not answer`);
