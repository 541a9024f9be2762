import { html, small } from '../pages/html.js';

/** The sign-in form of the operators' pages. `next` is where to go afterwards, on this address. */
export const loginPage = (view: {
  readonly next: string;
  readonly email?: string;
  readonly problem?: string;
}): string =>
  small(
    'Sign in',
    html`<h1>Sign in</h1>
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
          ${!view.email && html`autofocus`}
        />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          maxlength="1024"
          required
          ${view.email !== undefined && html`autofocus`}
        />
        <button class="go" type="submit">Sign in</button>
      </form>
      <p class="note back"><a href="/">Back to the start page</a></p>`,
  );

/** Asks before it ends the session, so that no link can do it. */
export const logoutPage = (): string =>
  small(
    'Sign out',
    html`<h1>Sign out</h1>
      <p class="note">This ends your session on every tab.</p>
      <form method="post" action="/admin/logout">
        <button class="go" type="submit">Sign out</button>
      </form>
      <p class="note back"><a href="/admin/queues">Back to the queue board</a></p>`,
  );

/** A page that says one thing, usually why there is nothing else to see. */
export const noticePage = (title: string, text: string): string =>
  small(
    title,
    html`<h1>${title}</h1>
      <p>${text}</p>
      <p><a href="/admin/login">Sign in</a> or go to the <a href="/">start page</a>.</p>`,
  );
