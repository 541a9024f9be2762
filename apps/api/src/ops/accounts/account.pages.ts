import { html, small } from '../pages/html.js';

/** What the form of an invite shows. */
export interface JoinView {
  readonly token: string;
  readonly organisation: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly problem?: string | undefined;
}

/** Asks before anything happens: mail programs open links by themselves. */
export const joinPage = (view: JoinView): string =>
  small(
    'Join',
    html`<h1>Join ${view.organisation}</h1>
      <p class="note">${view.email} is invited as ${view.role}.</p>
      ${problem(view.problem)}
      <form method="post" action="/join">
        <input type="hidden" name="token" value="${view.token}" />
        <label for="name">Your name</label>
        <input id="name" name="name" autocomplete="name" maxlength="255" value="${view.name}" />
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="new-password" maxlength="256" />
        <p class="note">
          At least 8 characters with upper case, lower case and a digit. Leave it empty if you have an account.
        </p>
        <button class="go" type="submit">Join</button>
      </form>`,
  );

export const passwordPage = (view: { readonly token: string; readonly problem?: string | undefined }): string =>
  small(
    'Set your password',
    html`<h1>Set your password</h1>
      ${problem(view.problem)}
      <form method="post" action="/password">
        <input type="hidden" name="token" value="${view.token}" />
        <label for="password">New password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="new-password"
          maxlength="256"
          required
          autofocus
        />
        <p class="note">
          At least 8 characters with upper case, lower case and a digit. You are signed out everywhere.
        </p>
        <button class="go" type="submit">Set it</button>
      </form>`,
  );

/** The end of the way: it worked, or why it did not. */
export const endPage = (title: string, text: string): string =>
  small(
    title,
    html`<h1>${title}</h1>
      <p>${text}</p>
      <p class="note back"><a href="/">Start page</a></p>`,
  );

const problem = (text: string | undefined): ReturnType<typeof html> | false =>
  text !== undefined && html`<p class="bad" role="alert" id="problem">${text}</p>`;
