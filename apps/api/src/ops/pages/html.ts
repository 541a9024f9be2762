/** Text that is already HTML. Only {@link html} makes it. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = Html | string | number | readonly Part[] | false | undefined;

/** A template whose values are escaped unless they are {@link Html} themselves. */
export const html = (strings: TemplateStringsArray, ...values: readonly Part[]): Html =>
  new Html(strings.map((text, index) => text + render(values[index])).join(''));

function render(value: Part): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'string' || typeof value === 'number') return escape(String(value));
  return value.map(render).join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

/** A whole page; `style` is the stylesheet it is dressed in. */
export const page = (title: string, content: Html, style = '/assets/pages.css'): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" type="image/svg+xml" href="/assets/icon.svg" />
        <link rel="stylesheet" href="${style}" />
      </head>
      <body>
        ${content}
      </body>
    </html> `.text;

/** A page with one sheet in its middle. */
export const small = (title: string, content: Html): string =>
  page(
    `${title} · Rookery`,
    html`<div class="centre">
      <main class="narrow">
        <p class="brand"><img src="/assets/icon.svg" alt="" />Rookery</p>
        <div class="sheet">${content}</div>
      </main>
    </div>`,
  );

/** Headers of every page made here: no script at all, nothing from elsewhere, no framing. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
};
