import type { Expected } from './expected.js';
import type { Observation } from './observations.js';
import { standingOrders, standingReturns } from './order.oracle.js';
import { people } from './person.oracle.js';
import { standing } from './segment.oracle.js';

/**
 * The state that the design and the services' cards ask for, computed at once from all observations of one world, at `now`. It
 * shares no code with the services, nor with their libraries.
 */
export function oracle(observations: readonly Observation[], now: number): Expected {
  const [orders, returns] = [standingOrders(observations), standingReturns(observations)];
  const persons = Object.entries(people(observations)).map(([oldest, person]) => {
    const their = <T extends { readonly subject: string }>(all: Readonly<Record<string, T>>): T[] => Object.values(all).filter(({ subject }) => person.subjects.includes(subject));
    return [oldest, { ...person, ...standing(person.firstSeenAt, their(orders), their(returns), now) }];
  });
  return { people: Object.fromEntries(persons), orders, returns };
}
