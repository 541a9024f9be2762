import { describe, expect, it } from '@jest/globals';
import { html, page } from './html.js';

describe('html', () => {
  it('escapes values', () => {
    expect(html`<p title="${'"x"'}">${'<script>&'}</p>`.text).toBe('<p title="&quot;x&quot;">&lt;script&gt;&amp;</p>');
  });

  it('keeps nested templates and lists as they are', () => {
    const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`);
    expect(html`${items}`.text).toBe('<li>a</li><li>&lt;b&gt;</li>');
  });

  it('leaves out what is absent', () => {
    expect(html`[${undefined}${false}${0}]`.text).toBe('[0]');
  });
});

describe('page', () => {
  it('has a language, a title and no script', () => {
    const text = page('Sign in', html`<main>x</main>`);
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('<title>Sign in</title>');
    expect(text).not.toContain('<script');
  });
});
