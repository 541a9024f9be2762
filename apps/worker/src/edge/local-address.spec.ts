import { describe, expect, it } from '@jest/globals';
import type { NetworkInterfaceInfo } from 'node:os';
import { LocalAddresses } from './local-address.js';

const at = (address: string, bits: number): NetworkInterfaceInfo[] => [
  { address, cidr: `${address}/${bits}`, family: 'IPv4', internal: false, mac: '', netmask: '' },
];

describe('LocalAddresses', () => {
  it('gives the address that shares a network with the agent', () => {
    const own = { lo: at('127.0.0.1', 8), eth0: at('172.23.0.5', 16), eth1: at('10.218.8.66', 29) };
    const addresses = new LocalAddresses(() => own);
    expect(addresses.towards('10.218.8.67')).toBe('10.218.8.66');
    expect(addresses.towards('127.0.0.1')).toBe('127.0.0.1');
  });

  it('gives none for an agent whose network the edge has not joined, and sees the join at once', () => {
    const own: Record<string, NetworkInterfaceInfo[]> = { eth0: at('172.23.0.5', 16) };
    const addresses = new LocalAddresses(
      () => own,
      () => 0,
    );
    expect(addresses.towards('10.218.8.67')).toBeUndefined();
    own.eth1 = at('10.218.8.66', 29);
    expect(addresses.towards('10.218.8.67')).toBe('10.218.8.66');
  });

  it('forgets within a second a network that the edge has left', () => {
    const own: Record<string, NetworkInterfaceInfo[]> = { eth1: at('10.218.8.66', 29) };
    let nowMs = 0;
    const addresses = new LocalAddresses(
      () => own,
      () => nowMs,
    );
    expect(addresses.towards('10.218.8.67')).toBe('10.218.8.66');
    delete own.eth1;
    nowMs = 1_000;
    expect(addresses.towards('10.218.8.67')).toBeUndefined();
  });
});
