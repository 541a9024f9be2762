import { html, page } from '../pages/html.js';

/** The sign-in form of the operators' pages. `next` is where to go afterwards, on this address. */
export const loginPage = (view: {
  readonly next: string;
  readonly email?: string;
  readonly problem?: string;
}): string =>
  page(
    'Sign in · Rookery',
    html`<div class="centre">
      <main class="narrow">
        <p class="brand"><img src="/assets/icon.svg" alt="" />Rookery</p>
        <div class="sheet">
          <h1>Sign in</h1>
          <p class="note">The queue board is for platform admins.</p>
          ${view.problem !== undefined && html`<p class="bad" role="alert" id="problem">${view.problem}</p>`}
          <form method="post" action="/admin/login">
            <input type="hidden" name="next" value="${view.next}" />
            <label for="email">E-mail</label>
            <input
              id="email"
              name="email"
              type="email"
              autocomplete="username"
              maxlength="320"
              required
              value="${view.email ?? ''}"
              ${view.email ? '' : html`autofocus`}
            />
            <label for="password">Password</label>
            <input
              id="password"
              name="password"
              type="password"
              autocomplete="current-password"
              maxlength="1024"
              required
              ${view.email ? html`autofocus` : ''}
            />
            <button class="go" type="submit">Sign in</button>
          </form>
        </div>
        <p class="note back"><a href="/">Back to the start page</a></p>
      </main>
    </div>`,
  );

/** What somebody sees who is signed in but no platform admin, or whose request came from another page. */
export const refusedPage = (title: string, text: string): string =>
  page(
    `${title} · Rookery`,
    html`<div class="centre">
      <main class="narrow">
        <p class="brand"><img src="/assets/icon.svg" alt="" />Rookery</p>
        <div class="sheet">
          <h1>${title}</h1>
          <p>${text}</p>
          <p><a href="/admin/login">Sign in as somebody else</a></p>
        </div>
      </main>
    </div>`,
  );
