import { Problem, iso } from '@yunke/kernel';
import type { Db } from '@yunke/postgres';

import { tokenOf } from '../contact/contact.js';
import type { Intent } from '../intent/intent.js';
import type { NotificationsConfig } from '../notifications.config.js';
import { languageOf, nameOf, type PersonFields } from '../person/person.js';
import { find as findPerson } from '../person/person.store.js';
import { isZone } from '../person/quiet-hours.js';
import { render, withWayOut, type Language, type Rendered, type Template } from '../template/template.js';
import { find as findTemplate } from '../template/template.store.js';
import { findMany } from '../webhook/endpoint.store.js';
import type { Message } from './channel.js';

const TEMPLATES_KEPT = 500;

/** Makes of an intent what goes out. */
export class Composer {
  readonly #templates = new Map<string, Template>();

  constructor(private readonly db: Db, private readonly config: NotificationsConfig) {}

  /** @throws template.missing, template.failed, endpoint.closed */
  async compose(intent: Intent): Promise<Message> {
    if (intent.channel === 'webhook') return this.#webhook(intent);
    const { contactId, class: of, address } = intent;
    const person = intent.profileId === undefined || intent.target !== undefined ? undefined : await findPerson(this.db, intent.profileId);
    const unsubscribe = of === 'marketing' ? this.unsubscribeLink(contactId!) : undefined;
    const template = await this.#template(intent.template!, intent.templateVersion!);
    const rendered = await letterOf(template, { fact: intent.body, person: person?.fields ?? {}, language: intent.language!, unsubscribe }, this.config);
    return { key: intent.id, email: { ...rendered, to: address!, ...(unsubscribe !== undefined && { unsubscribe }) } };
  }

  unsubscribeLink(contact: string): string {
    return `${this.config.publicUrl}/notifications/unsubscribe/${tokenOf(this.config.secret, contact)}`;
  }

  async #webhook({ id, target, fact, body, effectiveAt }: Intent): Promise<Message> {
    const endpoint = (await findMany(this.db, [target!])).get(target!);
    if (endpoint?.closedWhy !== null) throw new Problem('invalid', 'endpoint.closed', 'The endpoint takes nothing any more.');
    return { key: id, webhook: { endpoint, type: fact, timestamp: iso(effectiveAt), data: body } };
  }

  /** A version of a template never changes. */
  async #template(name: string, version: number): Promise<Template> {
    const key = `${name} ${version}`;
    const known = this.#templates.get(key) ?? (await findTemplate(this.db, name, version));
    if (!known) throw new Problem('invalid', 'template.missing', 'There is no such template.');
    if (this.#templates.size >= TEMPLATES_KEPT) this.#templates.clear();
    this.#templates.set(key, known);
    return known;
  }
}

/** What a letter is made of beside its template. `unsubscribe`: for marketing, the link that ends it. */
export type Matter = { readonly fact: object; readonly person: PersonFields; readonly language: string; readonly unsubscribe: string | undefined };

/** The letter in the person's language, or the nearest that the template has. @throws template.failed */
export async function letterOf({ languages }: Template, { fact, person, language, unsubscribe }: Matter, { shop, timezone, language: fallback }: NotificationsConfig): Promise<Rendered> {
  const chosen = languageOf(language, Object.keys(languages), fallback) as Language;
  const zone = person.timezone !== undefined && isZone(person.timezone) ? person.timezone : timezone;
  const letter = await render(languages[chosen]!, fact, { person: { name: nameOf(person, chosen) }, shop, links: { unsubscribe: unsubscribe ?? '' } }, { language: chosen, zone });
  return unsubscribe === undefined ? letter : withWayOut(letter, unsubscribe, chosen);
}
