import type { Result } from '../intent/attempt.js';
import type { Rendered } from '../template/template.js';
import type { Endpoint } from '../webhook/endpoint.js';

/** One message for one call of a provider. `key` is the same for every repetition: what the provider must know it by. */
export type Message = {
  readonly key: string;
  readonly email?: Rendered & { readonly to: string; readonly unsubscribe?: string };
  readonly webhook?: { readonly endpoint: Endpoint; readonly type: string; readonly timestamp: string; readonly data: object };
};

/** A way out of the platform. `call` never throws for what a provider or the network does: that is a result. */
export interface Provider {
  call(message: Message): Promise<Result>;
}
