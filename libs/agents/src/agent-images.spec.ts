import { describe, expect, it } from '@jest/globals';
import { isAllowedImage } from './agent-images.js';

describe('isAllowedImage', () => {
  const allowed = ['acme/agent:1', 'acme/house:*', 'reg.example:5000/agent:*', '/opt/agent-2'];

  it.each(['acme/agent:1', 'acme/house:2.1', 'acme/house:a_b-c', 'reg.example:5000/agent:x', '/opt/agent-2'])(
    'lets %s through',
    (image) => expect(isAllowedImage(allowed, image)).toBe(true),
  );

  it.each([
    ...['acme/agent', 'acme/agent:2', 'acme/agent:1 ', 'acme/house', 'acme/house:', 'acme/house:-x', 'acme/house:a/b'],
    ...['acme/house:a b', 'acme/house:a:b', `acme/house:${'a'.repeat(129)}`, 'acme/house:a@sha256:0', 'acme/house:*'],
    ...['evil/acme/house:1', '/opt/agent-2/', '/opt/agent-2/../agent-3', ''],
  ])('refuses %j', (image) => expect(isAllowedImage(allowed, image)).toBe(false));
});
