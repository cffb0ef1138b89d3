const LINE_EVERY_MS = 5_000;
const REDRAW_EVERY_MS = 250;
const RATE_OVER_MS = 15_000;

type Sample = { readonly at: number; readonly observations: number; readonly lines: number };

/** How far the replay is, on standard error: one line that is drawn again on a terminal, else a line every five seconds. */
export class Progress {
  #now: Sample = { at: performance.now(), observations: 0, lines: 0 };
  #recent: Sample[] = [this.#now];
  #trouble: string | undefined;
  #note: string | undefined;
  readonly #timer: NodeJS.Timeout;

  #halfWay: (() => void) | undefined;

  /** `halfWay` is called once, when half of the lines were answered. */
  constructor(private readonly totalLines: number, halfWay: () => void, private readonly to: NodeJS.WriteStream = process.stderr) {
    this.#halfWay = halfWay;
    this.#timer = setInterval(() => this.#draw(), to.isTTY ? REDRAW_EVERY_MS : LINE_EVERY_MS).unref();
  }

  /** So many more were answered. */
  sent(observations: number, lines: number): void {
    this.#now = { at: performance.now(), observations: this.#now.observations + observations, lines: this.#now.lines + lines };
    if (this.#halfWay === undefined || 2 * this.#now.lines < this.totalLines) return;
    this.#halfWay();
    this.#halfWay = undefined;
  }

  /** Why we wait for the platform; nothing once it answers again. */
  troubled(why?: string): void {
    this.#trouble = why;
  }

  /** What comes after sending, instead of rate and ETA. */
  note(text: string): void {
    this.#note = text;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#draw();
    if (this.to.isTTY) this.to.write('\n');
  }

  #draw(): void {
    const text = `${this.#note ?? this.#sending()}${this.#trouble === undefined ? '' : `, waiting for the platform (${this.#trouble})`}`;
    this.to.write(this.to.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
  }

  #sending(): string {
    const now = { ...this.#now, at: performance.now() };
    while (this.#recent.length > 1 && now.at - this.#recent[0]!.at > RATE_OVER_MS) this.#recent.shift();
    const since = this.#recent[0]!;
    this.#recent.push(now);
    const seconds = Math.max(0.001, (now.at - since.at) / 1_000);
    const left = (this.totalLines - now.lines) / ((now.lines - since.lines) / seconds);
    const share = Math.floor((100 * now.lines) / Math.max(1, this.totalLines));
    return `${count(now.observations)} observations sent, ${count(now.lines)} of ${count(this.totalLines)} lines (${share} %), ` +
      `${count((now.observations - since.observations) / seconds)} observations/s, ETA ${Number.isFinite(left) ? clock(left) : '–'}`;
  }
}

export const count = (value: number): string => Math.round(value).toLocaleString('en');

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
