import type { RunningService } from '../service.js';

/** The services that run here, and whether we are about to stop: then the load balancer should look elsewhere. */
export class ThisProcess {
  stopping = false;

  constructor(readonly services: readonly RunningService[]) {}
}
