/** The routes of one application, to tell an unknown address from a known one with another method. */
export function knownRoutes() {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  return {
    /** `url` is a pattern of Fastify: `/orders/:id`, `/files/*`. */
    add(url: string, methods: string[]): void {
      const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
      for (const method of methods) route.methods.add(method);
      routes.set(url, route);
    },

    /** Every method that some route answers at this address, in alphabetical order. */
    methodsAt(url: string): string[] {
      const path = url.split('?', 1)[0];
      const found = [...routes.values()].filter((route) => route.pattern.test(path));
      return [...new Set(found.flatMap((route) => [...route.methods]))].sort();
    },
  };
}

/** `::` is a colon of its own; a parameter may carry a pattern in brackets, which is not looked into. */
function patternOf(url: string): RegExp {
  const source = url.replace(/::|:\w+(\([^)]*\))?\??|\*|[.+?^${}()|[\]\\]/g, (part) => {
    if (part === '::') return ':';
    if (part[0] === ':') return '[^/]+';
    return part === '*' ? '.*' : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}
