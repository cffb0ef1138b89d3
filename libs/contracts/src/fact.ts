import type { Messages } from './gen/types.js';

/** Something that has become true (or, from ingestion, was observed): the message of a contract, by its type. */
export type Fact = { [T in keyof Messages]: { readonly type: T; readonly body: Messages[T] } }[keyof Messages];
