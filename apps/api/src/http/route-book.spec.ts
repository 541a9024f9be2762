import { describe, expect, it } from '@jest/globals';
import { RouteBook } from './route-book.js';

describe('RouteBook', () => {
  const book = new RouteBook();
  book.add(['GET', 'HEAD'], '/v1/agents/:id');
  book.add('DELETE', '/v1/agents/:id');
  book.add('GET', '/docs/*');
  book.add('GET', '/v1/x.json');
  book.add('OPTIONS', '*');

  it('finds the methods of a concrete path', () => {
    expect(book.methodsAt('/v1/agents/42')).toEqual(['DELETE', 'GET', 'HEAD']);
    expect(book.methodsAt('/docs/a/b')).toEqual(['GET']);
  });

  it('takes templates literally and knows no route for others', () => {
    expect(book.methodsAt('/v1/x.json')).toEqual(['GET']);
    expect(['/v1/xajson', '/v1/agents', '/v1/agents/1/2'].flatMap((path) => book.methodsAt(path))).toEqual([]);
  });
});
