import { html, page } from '../pages/html.js';

/** Runs in the browser: shows the document its element names. */
export const DOCS_SCRIPT = `'use strict';
window.addEventListener('DOMContentLoaded', () => {
  const target = document.getElementById('swagger-ui');
  window.SwaggerUIBundle({
    url: target.dataset.document,
    domNode: target,
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
  });
});
`;

export const DOCS_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

interface DocsView {
  readonly name: string;
  readonly title: string;
  /** Every surface that has a document. */
  readonly all: readonly { readonly name: string; readonly title: string }[];
}

/** Swagger UI of one surface, from this address alone: it works offline. */
export const docsPage = ({ name, title, all }: DocsView): string =>
  page(
    `${title} · API`,
    html`<link rel="stylesheet" href="/docs/assets/swagger-ui.css" />
      <a class="skip" href="#swagger-ui">Skip to the API</a>
      <header class="bar">
        <a class="home" href="/"><img src="/assets/icon.svg" alt="" />Rookery</a>
        <nav aria-label="API documents">
          ${all.map((one) => html`<a href="/docs/${one.name}" ${one.name === name && html`aria-current="page"`}>${one.name}</a> `)}
        </nav>
        <a class="raw" href="/openapi/${name}.json">OpenAPI JSON</a>
      </header>
      <div id="swagger-ui" class="docs" data-document="/openapi/${name}.json"></div>
      <noscript
        ><main>
          <p>
            This page needs JavaScript. The document itself is at
            <a href="/openapi/${name}.json">/openapi/${name}.json</a>.
          </p>
        </main></noscript
      >
      <script src="/docs/assets/swagger-ui-bundle.js"></script>
      <script src="/docs/start.js"></script>`,
    '/docs/bar.css',
  );
