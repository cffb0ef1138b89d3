import { Counter, Histogram } from 'prom-client';
import type { FastifyInstance } from 'fastify';

const requests = new Histogram({
  name: 'yunke_http_request_duration_seconds', labelNames: ['service', 'method', 'route', 'status'],
  help: 'Time from a request to the end of its answer, by the route as it is declared; `none` where no route answers.',
  buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});

/** Requests that never came as far as a service, by the status of the answer. */
export const refusedRequests = new Counter({ name: 'yunke_http_refused_requests_total', help: 'Requests refused before any service saw them.', labelNames: ['status'] });

/** Rate, errors and duration of every route. A route is its template, `/api/orders/:id`: an address may name a customer. */
export function installMeasures(fastify: FastifyInstance, service: string): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = (!request.is404 && request.routeOptions.url) || 'none';
    requests.observe({ service, method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    done();
  });
}
