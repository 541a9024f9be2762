import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { type LookupFunction, isIP } from 'node:net';
import { buildConnector } from 'undici';
import type { AddressRules } from './address-rules.js';
import { EgressError } from './egress.errors.js';

/** Resolves a name to all of its addresses. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** As every program of the machine resolves: hosts file, then DNS. */
export const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true, order: 'verbatim' });

/**
 * Opens the connections of the guarded fetch. A name is resolved once, every address is checked, and the socket is given
 * these very addresses, so what a name server answers later changes nothing.
 */
export function guardedConnector(rules: AddressRules, resolve: Resolve, timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ allowH2: false, timeout: timeoutMs, lookup: checkedLookup(rules, resolve) });
  return (options, callback) => {
    // sockets do not look up what is an address already
    if (isIP(options.hostname) !== 0 && !rules.allows(options.hostname))
      return callback(refused(options.hostname), null);
    return connect(options, callback);
  };
}

function checkedLookup(rules: AddressRules, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (!first || !addresses.every(({ address }) => rules.allows(address))) callback(refused(hostname), '', 0);
        else if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

const refused = (host: string): EgressError =>
  new EgressError(
    'egress_address_refused',
    `${host} is not on the public internet; an operator can open networks with EGRESS_ALLOW_CIDRS`,
  );
