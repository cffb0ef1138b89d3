import { Liquid, type FilterImplOptions, type Template as Parsed } from 'liquidjs';
import mjml2html from 'mjml';

import { Problem, minorDigits, type Fault } from '@yunke/kernel';

import { fieldsOf } from '../rule/fields.js';

export const LANGUAGES = ['zh-CN', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What somebody writes: Liquid in each part, the body as MJML, and the same as plain text. */
export type Contents = { readonly subject: string; readonly mjml: string; readonly text: string };

/** `html` is the MJML, translated once when it was saved; its Liquid is still in it. */
export type Compiled = Contents & { readonly html: string };

/** One version of a template: the facts that it may be used for, and its contents by language. */
export type Template = { readonly name: string; readonly version: number; readonly facts: readonly string[]; readonly languages: { readonly [language in Language]?: Compiled } };

/** What a template can name beside the fields of its fact. */
export type Surroundings = { readonly person: { readonly name: string }; readonly shop: string; readonly links: { readonly unsubscribe: string } };
const SURROUNDINGS = new Set(['person', 'person.name', 'shop', 'links', 'links.unsubscribe']);

export type Rendered = { readonly subject: string; readonly html: string; readonly text: string };

/** Bounds on what one template may cost: characters, milliseconds, and Liquid's own count of memory. */
const LIMITS = { parseLimit: 300_000, renderLimit: 500, memoryLimit: 20_000_000 };

const plain = engine({});
const escaping = engine({ outputEscape: 'escape' });

/** `templates: {}` takes the place of the file system: nothing can be included. */
function engine(options: ConstructorParameters<typeof Liquid>[0]): Liquid {
  const liquid = new Liquid({ ownPropertyOnly: true, strictFilters: true, templates: {}, ...LIMITS, ...options });
  liquid.registerFilter('money', money as FilterImplOptions);
  liquid.registerFilter('datetime', datetime as FilterImplOptions);
  return liquid;
}

type Locale = { readonly language: string; readonly zone: string };

/** What Liquid calls a filter on: the variables of the rendering are in it. */
type InRendering = { readonly context: { readonly environments: object } };
const localeOf = ({ context }: InRendering): Locale => (context.environments as { locale: Locale }).locale;

/** `{{ order.totalMinor | money: order.currency }}`: minor units as an amount, in the reader's language. */
function money(this: InRendering, minor: unknown, currency: unknown): string {
  const code = /^[A-Z]{3}$/.test(String(currency)) ? String(currency) : 'XXX';
  const amount = Number(minor ?? 0) / 10 ** minorDigits(code);
  return new Intl.NumberFormat(localeOf(this).language, code === 'XXX' ? {} : { style: 'currency', currency: code }).format(amount);
}

/** `{{ effectiveAt | datetime }}`: an instant in the reader's language and zone. */
function datetime(this: InRendering, at: unknown): string {
  const { language, zone } = localeOf(this);
  const instant = Date.parse(String(at));
  return Number.isNaN(instant) ? '' : new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }).format(instant);
}

/**
 * Contents that can be used for these facts: Liquid and MJML that parse, naming only variables that every one of the facts has.
 * @throws template.invalid with a pointer per fault, below `/languages/<language>`
 */
export async function compile(languages: { readonly [language in Language]?: Contents }, facts: readonly string[]): Promise<Template['languages']> {
  const faults: Fault[] = [];
  const compiled: { [language in Language]?: Compiled } = {};
  for (const [language, contents] of Object.entries(languages) as [Language, Contents][]) {
    const at = `/languages/${language}`;
    const html = await htmlOf(contents.mjml, (message) => faults.push({ pointer: `${at}/mjml`, code: 'mjml_invalid', message }));
    const parts = { subject: contents.subject, mjml: html, text: contents.text };
    for (const [part, source] of Object.entries(parts)) faults.push(...variableFaults(source, facts, `${at}/${part}`));
    compiled[language] = { ...contents, html };
  }
  if (faults.length > 0) throw new Problem('invalid', 'template.invalid', 'The template is not valid.', { errors: faults.slice(0, 50) });
  return compiled;
}

async function htmlOf(mjml: string, fail: (message: string) => void): Promise<string> {
  try {
    const { html, errors } = await mjml2html(mjml, { validationLevel: 'soft', ignoreIncludes: true, keepComments: false });
    for (const { line, message } of errors) fail(`Line ${line}: ${message}`);
    return html;
  } catch {
    fail('This is not MJML.');
    return '';
  }
}

/** What a template names that some of its facts do not have. Computed names (`a[b]`) are not looked into. */
function variableFaults(source: string, facts: readonly string[], pointer: string): Fault[] {
  let named: string[];
  try {
    named = plain.globalVariableSegmentsSync(plain.parse(source)).map(pathOf);
  } catch (error) {
    const { name, message } = error as Error;
    return [{ pointer, code: 'liquid_invalid', message: name === 'ParseError' || name === 'TokenizationError' ? message.slice(0, 200) : 'It asks for another template.' }];
  }
  const known = facts.map(fieldsOf);
  const unknown = named.filter((path) => path !== '' && !SURROUNDINGS.has(path) && !known.every((fields) => fields.has(path)));
  return [...new Set(unknown)].map((path) => ({ pointer, code: 'variable_unknown', message: `${path.slice(0, 100)} is not there in every fact of this template.` }));
}

/** A path without places in lists and without Liquid's own `size`, `first` and `last`. */
function pathOf(segments: readonly unknown[]): string {
  const names: string[] = [];
  for (const segment of segments) {
    if (typeof segment === 'string' && !['size', 'first', 'last'].includes(segment)) names.push(segment);
    else if (typeof segment === 'object') break;
  }
  return names.join('.');
}

const parsed = new WeakMap<Compiled, { readonly [part in keyof Rendered]: Parsed[] }>();

/** The message. @throws template.failed when a template does what could not be foreseen, such as running too long */
export async function render(contents: Compiled, fact: object, around: Surroundings, locale: Locale): Promise<Rendered> {
  let parts = parsed.get(contents);
  if (!parts) parsed.set(contents, (parts = { subject: plain.parse(contents.subject), html: escaping.parse(contents.html), text: plain.parse(contents.text) }));
  const variables = { ...fact, ...around, locale };
  try {
    const [subject, html, text] = await Promise.all([plain.render(parts.subject, variables), escaping.render(parts.html, variables), plain.render(parts.text, variables)]) as [string, string, string];
    return { subject: subject.replace(/\s+/g, ' ').trim(), html, text };
  } catch {
    throw new Problem('invalid', 'template.failed', 'The template could not be rendered.');
  }
}

const WAY_OUT: Record<string, string> = { 'zh-CN': '退订此类邮件', en: 'Unsubscribe from such messages' };

/** A marketing message shows the way out, whatever its template says. */
export function withWayOut(message: Rendered, link: string, language: string): Rendered {
  const words = WAY_OUT[language] ?? WAY_OUT['en']!;
  const text = message.text.includes(link) ? message.text : `${message.text.trimEnd()}\n\n${words}: ${link}\n`;
  const html = message.html.includes(link) ? message.html : message.html.replace(/<\/body>|$/i, (end) => `<p style="text-align:center;font-size:12px"><a href="${link}">${words}</a></p>${end}`);
  return { ...message, text, html };
}
