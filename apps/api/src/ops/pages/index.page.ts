import { type Html, html, page } from './html.js';

const createCommand = (address: string): string => `curl -s ${address}/v1/agents \\
  -H "X-Api-Key: $ROOKERY_KEY" -H "Content-Type: application/json" \\
  -d '{"name": "My first agent", "config": {"llmProvider": "demo"}}'`;

const chatCommand = (address: string): string => `curl -N ${address}/v1/agents/<id>/chat/messages \\
  -H "X-Api-Key: $ROOKERY_KEY" -H "Content-Type: application/json" \\
  -d '{"message": "Hello!"}'`;

const LINKS: readonly { readonly href: string; readonly title: string; readonly text: string }[] = [
  { href: '/docs/agento', title: 'Agents API', text: 'Agents, chat and logs under /v1, with an API key.' },
  { href: '/docs/agent402', title: 'Accounts API', text: 'Registration, login and API keys under /api/v1.' },
  { href: '/admin/queues', title: 'Queue board', text: 'What the workers do. For platform admins.' },
  { href: '/readyz', title: 'Readiness', text: 'Database, migrations and queue, as JSON.' },
  { href: '/metrics', title: 'Metrics', text: 'Prometheus text, for this machine or with METRICS_TOKEN.' },
  { href: '/openapi/agento.json', title: 'OpenAPI document', text: 'The Agents API for client generators.' },
];

/** The page at `/`. `address` is where clients reach this API. */
export const indexPage = (address: string): string =>
  page(
    'Rookery',
    html`<a class="skip" href="#content">Skip to content</a>
      <header class="top">
        <img src="/assets/icon.svg" alt="" />
        <p>Rookery</p>
      </header>
      <main id="content">
        <h1>A control plane for fleets of AI agents</h1>
        <p class="lead">
          This API runs at <code>${address}</code>. Ask for an agent over HTTP; Rookery gives it a place to run and
          keeps it running.
        </p>
        <ul class="cards">
          ${LINKS.map(card)}
        </ul>
        <section class="sheet" aria-labelledby="first">
          <h2 id="first">Make your first agent</h2>
          <p>
            The key was printed at the first start and is kept in <code>DATA_DIR/credentials</code>. The demo model
            needs no provider and answers from a script.
          </p>
          <pre tabindex="0" aria-label="Command that creates an agent"><code>${createCommand(address)}</code></pre>
          <p>The answer holds the agent's id. Talk to it:</p>
          <pre tabindex="0" aria-label="Command that sends a message"><code>${chatCommand(address)}</code></pre>
        </section>
      </main>`,
  );

const card = ({ href, title, text }: (typeof LINKS)[number]): Html =>
  html`<li>
    <a href="${href}">${title}</a>
    <p>${text}</p>
  </li> `;
