import { readFileSync } from 'node:fs';

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads settings from the environment and remembers every fault, so that all of them are listed at once. `NAME_FILE` works for every NAME. */
export class Settings {
  readonly faults: string[] = [];

  constructor(private readonly environment: Environment) {}

  text(name: string, fallback?: string): string {
    const value = this.#read(name) ?? fallback;
    if (value === undefined) this.fault(name, 'is missing');
    return value ?? '';
  }

  optional(name: string): string | undefined {
    return this.#read(name);
  }

  integer(name: string, { fallback, least = 0, most = Number.MAX_SAFE_INTEGER }: { fallback?: number; least?: number; most?: number }): number {
    const text = this.#read(name);
    const value = text === undefined ? fallback : Number(text);
    if (value === undefined) return this.fault(name, 'is missing'), 0;
    if (!Number.isSafeInteger(value) || value < least || value > most) this.fault(name, `must be a whole number from ${least} to ${most}`);
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const value = this.#read(name) ?? fallback;
    if (!values.includes(value as T)) this.fault(name, `must be one of ${values.join(', ')}`);
    return value as T;
  }

  list(name: string): string[] {
    return (this.#read(name) ?? '').split(',').map((item) => item.trim()).filter(Boolean);
  }

  fault(name: string, what: string): void {
    this.faults.push(`${name} ${what}`);
  }

  /** @throws Error that lists every fault; it repeats no value, which may be a secret. */
  check(): void {
    if (this.faults.length > 0) throw new Error(`The configuration is wrong:\n${this.faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }

  #read(name: string): string | undefined {
    const file = this.environment[`${name}_FILE`];
    if (!file) return this.environment[name] || undefined;
    try {
      return readFileSync(file, 'utf8').trim() || undefined;
    } catch {
      this.fault(`${name}_FILE`, 'names a file that cannot be read');
      return undefined;
    }
  }
}
