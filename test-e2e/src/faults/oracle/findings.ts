export type Kind = 'lost' | 'doubled' | 'reordered';

const NOTES = 12;

/** What is wrong, each thing once, by the fault during which it was first seen. One lost event is missed in every place where it should be. */
export class Findings {
  readonly #known = new Set<string>();
  #open = { lost: 0, doubled: 0, reordered: 0, notes: [] as string[] };

  add(kind: Kind, what: string, count = 1): void {
    if (this.#known.has(`${kind} ${what}`)) return;
    this.#known.add(`${kind} ${what}`);
    this.#open[kind] += count;
    if (this.#open.notes.length < NOTES) this.#open.notes.push(`${kind}: ${what}${count > 1 ? ` (${count})` : ''}`);
  }

  /** What was found since the last call. */
  take(): { lost: number; doubled: number; reordered: number; notes: string[] } {
    const taken = this.#open;
    this.#open = { lost: 0, doubled: 0, reordered: 0, notes: [] };
    return taken;
  }
}

/** Compares a sequence that must be 1, 2, 3, … with what is there. */
export function checkSequence(findings: Findings, what: string, seqs: readonly number[], expected: number): void {
  const distinct = new Set(seqs);
  for (let n = 1; n <= expected; n += 1) if (!distinct.has(n)) findings.add('lost', `${what} ${n} of ${expected}`);
  if (seqs.length > distinct.size) findings.add('doubled', what, seqs.length - distinct.size);
  const more = [...distinct].filter((n) => n > expected).length;
  if (more > 0) findings.add('doubled', `${what}: more than ${expected}`, more);
  if (seqs.some((n, index) => index > 0 && n < seqs[index - 1]!)) findings.add('reordered', `${what}: ${seqs.join(' ')}`);
}
