/**
 * One topic: where its messages travel, what orders them and how long they stay. `M` maps the name of each message
 * (its `ce_type`) to its type, so that a handler of `@On(stream)` knows what it hears.
 */
export type Stream<M extends Record<string, object> = Record<string, object>> = {
  /** What code calls it: `orderObservations`, `ordersChanges`. */
  readonly name: string;
  readonly topic: string;
  /** The only service that says it. */
  readonly service: string;
  /** The field, as in JSON, whose value orders the stream. */
  readonly key: string;
  /** The default; an installation may have chosen another before its first start. */
  readonly partitions: number;
  /** 0 for a compacted topic. */
  readonly retentionHours: number;
  /** The topic holds the state per key; a null value means erased. */
  readonly compacted: boolean;
  /** The key field's value is used as the record key unchanged. */
  readonly opaqueKey: boolean;
  /** The names of its messages: the keys of `M`, as plain texts, so that every stream is also a `Stream`. */
  readonly types: readonly string[];
  /** Dotted paths of the fields that can tell who a person is. */
  readonly personal: readonly string[];
  /** Only for the compiler; never there. */
  readonly $messages?: M;
};

/** The messages of a stream, each with its name: `{ type: 'OrderObserved', value: OrderObserved } | …`. */
export type MessageOf<S extends Stream> = S extends Stream<infer M>
  ? { [T in keyof M & string]: { type: T; value: M[T] } }[keyof M & string]
  : never;
