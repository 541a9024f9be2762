/** The routes the router knows, for the policy check and for telling 405 from 404. */
export class RouteBook {
  private readonly routes: { method: string; path: string; pattern: RegExp }[] = [];

  /** OPTIONS is the CORS plugin's own and no route of ours. */
  add(methods: string | readonly string[], path: string): void {
    for (const method of [methods].flat().filter((name) => name !== 'OPTIONS')) {
      this.routes.push({ method, path, pattern: patternOf(path) });
    }
  }

  all(): readonly { method: string; path: string }[] {
    return this.routes;
  }

  /** Methods known at a concrete path, sorted. */
  methodsAt(path: string): readonly string[] {
    const methods = this.routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods)].sort();
  }
}

function patternOf(template: string): RegExp {
  const source = template
    .split('/')
    .map((part) => {
      if (part.startsWith(':')) return '[^/]+';
      return part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
