import { describe, expect, it } from '@jest/globals';
import { AddressRules } from './address-rules.js';

const closed = new AddressRules([]);

describe('address rules', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001:81b::200e'])(
    'allow the public address %s',
    (address) => expect(closed.allows(address)).toBe(true),
  );

  it.each([
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.1.2'],
    ['loopback', '::1'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '192.168.1.1'],
    ['unique local', 'fd12::1'],
    ['link-local', '169.254.1.1'],
    ['link-local', 'fe80::1'],
    ['site-local', 'fec0::1'],
    ['instance metadata', '169.254.169.254'],
    ['instance metadata', 'fd00:ec2::254'],
    ['instance metadata', '100.100.100.200'],
    ['instance metadata', '168.63.129.16'],
    ['instance metadata', '192.0.0.192'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['this host', '0.0.0.0'],
    ['this host', '::'],
    ['broadcast', '255.255.255.255'],
    ['multicast', '224.0.0.1'],
    ['multicast', 'ff02::1'],
    ['reserved', '240.0.0.1'],
    ['benchmarking', '198.18.0.1'],
    ['documentation', '203.0.113.1'],
    ['documentation', '2001:db8::1'],
    ['IPv4-mapped', '::ffff:10.0.0.1'],
    ['IPv4-mapped', '::ffff:8.8.8.8'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['NAT64', '64:ff9b::a00:1'],
    ['local NAT64', '64:ff9b:1::a00:1'],
    ['6to4', '2002:a00:1::'],
    ['Teredo', '2001::1'],
    ['not assigned', '4000::1'],
    ['no address', 'localhost'],
    ['no address', ''],
  ])('refuse what is %s: %s', (_kind, address) => expect(closed.allows(address)).toBe(false));

  it('open the networks and addresses an operator names, and nothing beside them', () => {
    const rules = new AddressRules(['10.1.0.0/16', '127.0.0.1', 'fd00:1::/32']);
    const open = ['10.1.255.1', '127.0.0.1', 'fd00:1::5', '8.8.8.8'];
    expect(open.filter((address) => !rules.allows(address))).toEqual([]);
    const shut = ['10.2.0.1', '127.0.0.2', 'fd00:2::5', '::ffff:10.1.0.1', '::1'];
    expect(shut.filter((address) => rules.allows(address))).toEqual([]);
  });

  it('do not come to be from what is no network', () => {
    for (const wrong of ['10.0.0.0/33', 'intranet', '10.0.0.0/8/8']) expect(() => new AddressRules([wrong])).toThrow();
  });
});
