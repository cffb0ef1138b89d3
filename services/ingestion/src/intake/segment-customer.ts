import type { CustomerObserved } from '@yunke/contracts';

import { ACCOUNT, type Observation } from './item.js';
import { stampedWithPerson, type Call } from './segment-call.js';
import { LONGEST_ID, flagIn, idIn, isObject, objectIn, required, textIn, valueIn, type Part } from './segment-part.js';

const KNOWN_TRAITS: ReadonlySet<string> = new Set(['name', 'firstName', 'lastName', 'email', 'phone', 'gender', 'birthday', 'address', 'language', 'locale', 'timezone', 'marketingConsent']);
const KNOWN_OF_ADDRESS: ReadonlySet<string> = new Set(['street', 'city', 'state', 'postalCode', 'country']);

/** identify: who somebody is, as the source knows it. What the contract has no field for goes along as it came. */
export function customer(call: Call): Observation {
  const { content: traits, context } = call;
  return {
    type: 'CustomerObserved',
    body: {
      ...stampedWithPerson(call),
      name: textIn(traits, 'name'), firstName: textIn(traits, 'firstName'), lastName: textIn(traits, 'lastName'),
      email: textIn(traits, 'email', LONGEST_ID), phone: textIn(traits, 'phone', LONGEST_ID),
      gender: textIn(traits, 'gender'), birthday: textIn(traits, 'birthday'), ...addressIn(traits),
      language: textIn(traits, 'language') ?? textIn(traits, 'locale') ?? textIn(context, 'locale'),
      timezone: textIn(traits, 'timezone') ?? textIn(context, 'timezone'),
      marketingConsent: marketingConsentIn(call, flagIn(traits, 'marketingConsent')), attributes: attributesOf(traits),
    },
  };
}

/** The change of a consent and nothing else: what Segment's consent wrappers send as a track call. */
export const consent = (call: Call): Observation => ({ type: 'CustomerObserved', body: { ...stampedWithPerson(call), marketingConsent: marketingConsentIn(call) } });

/** alias: the account was known by another id before, which is evidence of the account. */
export function alias(call: Call): Observation {
  for (const name of ['userId', 'previousId']) required(call.root, name, (part) => idIn(part, name, ACCOUNT));
  return { type: 'CustomerObserved', body: stampedWithPerson(call) };
}

function addressIn(traits: Part): Pick<CustomerObserved, 'address' | 'city' | 'region' | 'postalCode' | 'country'> {
  if (typeof traits.fields['address'] === 'string') return { address: textIn(traits, 'address') };
  if (valueIn(traits, 'address') === undefined) return {};
  const address = objectIn(traits, 'address');
  return { address: textIn(address, 'street'), city: textIn(address, 'city'), region: textIn(address, 'state'), postalCode: textIn(address, 'postalCode'), country: textIn(address, 'country') };
}

/**
 * Consent to marketing: the source's own trait and the category `marketing` of a consent wrapper, where a refusal in either
 * refuses. Where a wrapper speaks but has no such category, that counts as a refusal (Segment's consent specification), unless the trait agrees.
 */
function marketingConsentIn({ context }: Call, trait?: boolean): boolean | undefined {
  const categories = objectIn(objectIn(context, 'consent'), 'categoryPreferences');
  const name = Object.keys(categories.fields).find((category) => category.toLowerCase() === 'marketing');
  const category = name === undefined ? undefined : flagIn(categories, name);
  if (trait === false || category === false) return false;
  return trait ?? category ?? (Object.keys(categories.fields).length > 0 ? false : undefined);
}

function attributesOf(traits: Part): Record<string, unknown> | undefined {
  const { address } = traits.fields;
  const rest = without(traits.fields, KNOWN_TRAITS);
  const ofAddress = isObject(address) ? without(address, KNOWN_OF_ADDRESS) : [];
  if (ofAddress.length > 0) rest.push(['address', Object.fromEntries(ofAddress)]);
  // Not by assignment: a trait that is called __proto__ stays a trait.
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}

const without = (fields: Part['fields'], known: ReadonlySet<string>): [string, unknown][] => Object.entries(fields).filter(([name]) => !known.has(name));
