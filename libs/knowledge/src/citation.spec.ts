import { describe, expect, it } from '@jest/globals';
import { citationOf } from './citation.js';

describe('the citation of a chunk', () => {
  it.each<[Record<string, unknown>, string]>([
    [{}, '[a.pdf]'],
    [{ page: 3, heading: 'x' }, '[a.pdf, page 3]'],
    [{ firstRow: 2, lastRow: 14 }, '[a.pdf, rows 2–14]'],
    [{ firstRow: 2, lastRow: 2 }, '[a.pdf, row 2]'],
    [{ firstItem: 1, lastItem: 3 }, '[a.pdf, items 1–3]'],
    [{ heading: 'Install > Linux' }, '[a.pdf, Install > Linux]'],
    [{ page: '3', firstRow: 2, heading: 7 }, '[a.pdf]'],
  ])('of %j is %s', (metadata, citation) => expect(citationOf({ source: 'a.pdf', metadata })).toBe(citation));
});
