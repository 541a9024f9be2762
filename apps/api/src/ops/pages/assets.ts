/** The mark of the house, used as icon and logo. */
export const ICON_SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f3a5f"/><path d="M6 22c5 0 7-2 8-5 1-5 4-8 8-8 2 0 3 1 3 2l3 2-4 1c0 6-4 11-10 11-3 0-6-1-8-3z" fill="#fff"/><circle cx="22" cy="12" r="1.2" fill="#1f3a5f"/></svg>`;

export const PAGES_CSS = `
:root {
  --ground: #f5f6f8; --sheet: #fff; --ink: #1b2430; --faint: #5a6675; --line: #dbe0e6;
  --accent: #1f5fa8; --accent-ink: #fff; --code: #f0f3f7; --bad: #a4262c; --bad-ground: #fdecec;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12171e; --sheet: #1a212b; --ink: #e6ebf1; --faint: #9eabba; --line: #2d3743;
    --accent: #6db0f5; --accent-ink: #0d1520; --code: #11161d; --bad: #ff9d9d; --bad-ground: #3a1d20;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--sheet); padding: 0.4rem 0.8rem; }
header.top { display: flex; align-items: center; gap: 0.75rem; max-width: 62rem; margin: 0 auto; padding: 2.25rem 1.25rem 0; }
header.top img { width: 40px; height: 40px; }
header.top p { margin: 0; font-size: 1.3rem; font-weight: 650; letter-spacing: -0.01em; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem 3rem; }
h1 { font-size: 1.75rem; line-height: 1.25; letter-spacing: -0.015em; margin: 0.75rem 0 0.5rem; text-wrap: balance; }
h2 { font-size: 1.1rem; margin: 0 0 0.6rem; }
.lead { color: var(--faint); max-width: 44rem; margin: 0 0 1.75rem; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.4rem; margin: 0 0 1.25rem; }
.sheet > :last-child { margin-bottom: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(16.5rem, 1fr)); gap: 1rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
.cards li { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.2rem; }
.cards a { font-weight: 600; }
.cards p { margin: 0.25rem 0 0; color: var(--faint); font-size: 0.94rem; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 0.85rem 1rem; overflow-x: auto; margin: 0 0 1rem; }
code { font: 0.88rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
p code, dd code { background: var(--code); border-radius: 4px; padding: 0.1em 0.35em; }
.note { color: var(--faint); font-size: 0.94rem; }
.centre { min-height: 100vh; display: grid; place-items: center; padding: 1.25rem; }
.centre main { padding: 0; }
.narrow { width: min(25rem, calc(100vw - 2.5rem)); }
.brand { display: flex; align-items: center; gap: 0.6rem; justify-content: center; margin: 0 0 1.25rem; font-size: 1.15rem; font-weight: 650; }
.brand img { width: 32px; height: 32px; }
.narrow .sheet { padding: 1.6rem 1.6rem 1.7rem; }
.narrow h1 { font-size: 1.35rem; margin: 0 0 0.35rem; }
form label { display: block; font-weight: 600; font-size: 0.94rem; margin: 1rem 0 0.3rem; }
input { width: 100%; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--faint); border-radius: 8px; padding: 0.55rem 0.7rem; }
button { font: inherit; font-weight: 600; color: var(--accent-ink); background: var(--accent); border: 0; border-radius: 8px; padding: 0.6rem 1.1rem; cursor: pointer; }
button:hover { filter: brightness(1.08); }
form .go { width: 100%; margin-top: 1.4rem; }
.bad { color: var(--bad); background: var(--bad-ground); border: 1px solid currentColor; border-radius: 8px; padding: 0.6rem 0.8rem; margin: 0.9rem 0 0; }
.back { margin: 1.1rem 0 0; }
footer { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem 2.5rem; color: var(--faint); font-size: 0.9rem; }
`;

/** The bar above Swagger UI, which brings its own styles for all else. */
export const DOCS_CSS = `
body { margin: 0; background: #fff; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
header.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1.4rem; padding: 0.7rem 1.25rem; background: #1b2430; }
header.bar a { color: #d6e4f5; text-decoration: none; }
header.bar a:hover, header.bar a[aria-current] { color: #fff; text-decoration: underline; }
header.bar .home { display: flex; align-items: center; gap: 0.55rem; font-weight: 650; color: #fff; }
header.bar .home img { width: 26px; height: 26px; }
header.bar nav { display: flex; gap: 1.1rem; }
header.bar .raw { margin-left: auto; }
.docs { color-scheme: light; color: #1b2430; padding-bottom: 3rem; }
.docs .swagger-ui .info { margin: 1.75rem 0; }
header.bar :focus-visible { outline: 3px solid #8fc1f7; outline-offset: 3px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 0.5rem; background: #fff; padding: 0.4rem 0.8rem; }
`;
