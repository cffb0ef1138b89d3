import { ConflictException, GoneException, ImATeapotException, NotFoundException, type ArgumentsHost } from '@nestjs/common';
import { Problem, type ProblemDetails, type ProblemKind } from '@yunke/kernel';
import { ProblemFilter, toProblem } from './problems.js';
import { knownRoutes } from './routes.js';

const problem = (kind: ProblemKind, details: ProblemDetails = {}) => new Problem(kind, 'order.strange', 'It is strange.', details);
const fastifyError = (code: string, statusCode: number) => Object.assign(new Error('kanarie'), { name: 'FastifyError', code, statusCode });

describe('a problem on the wire', () => {
  it.each([
    ['invalid', {}, 422],
    ['invalid', { status: 400 }, 400],
    ['forbidden', {}, 403],
    ['not_found', {}, 404],
    ['conflict', {}, 409],
    ['too_large', {}, 413],
    ['unavailable', {}, 503],
    ['unavailable', { status: 429, retryAfterSeconds: 60 }, 429],
  ] as [ProblemKind, ProblemDetails, number][])('has a status: %s %o', (kind, details, status) => {
    const answer = toProblem(problem(kind, details), 'r-1');
    expect([answer.status, answer.body.status]).toEqual([status, status]);
    expect(answer.headers['retry-after']).toBe(kind === 'unavailable' ? String(details.retryAfterSeconds ?? 5) : undefined);
  });

  it('has every part of RFC 9457', () => {
    const errors = [{ pointer: '/a', code: 'is_int', message: 'a must be an integer number' }];
    expect(toProblem(problem('invalid', { errors }), 'r-1')).toMatchObject({
      headers: { 'content-type': 'application/problem+json', 'x-request-id': 'r-1' },
      body: {
        type: 'https://yunke.dev/problems/order.strange',
        title: 'Order strange',
        status: 422,
        detail: 'It is strange.',
        instance: 'r-1',
        code: 'order.strange',
        errors,
      },
    });
  });

  it('asks for credentials with a 401', () => {
    const answer = toProblem(new Problem('forbidden', 'unauthenticated', 'No.', { status: 401 }), 'r-1');
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
  });
});

describe('any other error on the wire', () => {
  it.each([
    ['Nest, known', new NotFoundException('kanarie'), 404, 'not_found'],
    ['Nest, with a body of its own', new ConflictException({ secret: 'kanarie' }), 409, 'conflict'],
    ['Nest, rare', new GoneException('kanarie'), 410, 'gone'],
    ['Nest, odd', new ImATeapotException('kanarie'), 418, 'i_m_a_teapot'],
    ['Nest, around a bug', new NotFoundException('x', { cause: new TypeError('kanarie') }), 404, 'not_found'],
    ['Fastify, too large', fastifyError('FST_ERR_CTP_BODY_TOO_LARGE', 413), 413, 'body_too_large'],
    ['Fastify, unknown type', fastifyError('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415), 415, 'unsupported_media_type'],
    ['Fastify, bad address', fastifyError('FST_ERR_BAD_URL', 400), 404, 'route.not_found'],
    ['Fastify, other', fastifyError('FST_ERR_NEW', 400), 400, 'bad_request'],
    ['Fastify, its own fault', fastifyError('FST_ERR_REP_ALREADY_SENT', 500), 500, 'internal'],
    ['the status of somebody else', Object.assign(new Error('kanarie'), { statusCode: 404 }), 500, 'internal'],
    ['a bug', new TypeError('kanarie'), 500, 'internal'],
    ['no error at all', 'kanarie', 500, 'internal'],
    ['nothing', undefined, 500, 'internal'],
    ['an outage', Object.assign(new Error('kanarie'), { code: '57P01' }), 503, 'unavailable'],
  ])('%s', (_what, error, status, code) => {
    const isTransient = (thrown: unknown) => (thrown as { code?: string } | undefined)?.code === '57P01';
    const answer = toProblem(error, 'r-1', isTransient);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(JSON.stringify(answer)).not.toContain('kanarie');
  });

  it('leaves the errors of event handlers to whoever called them', () => {
    const error = new Error('a poisoned record');
    const host = { getType: () => 'rpc' } as unknown as ArgumentsHost;
    expect(() => new ProblemFilter().catch(error, host)).toThrow(error);
  });
});

describe('the known routes', () => {
  it.each([
    ['/orders', ['GET', 'HEAD', 'POST']],
    ['/orders?x=1', ['GET', 'HEAD', 'POST']],
    ['/orders/a%2Fb', ['DELETE']],
    ['/orders/a/hold', ['POST']],
    ['/files/a/b.css', ['GET']],
    ['/a.b', ['GET']],
    ['/axb', []],
    ['/time:now', ['GET']],
    ['/orders/', []],
    ['/', []],
  ])('take at %s: %j', (url, methods) => {
    const routes = knownRoutes();
    routes.add('/orders', ['POST']);
    routes.add('/orders', ['GET', 'HEAD']);
    routes.add('/orders/:id', ['DELETE']);
    routes.add('/orders/:id(^\\d+$)/hold', ['POST']);
    routes.add('/files/*', ['GET']);
    routes.add('/a.b', ['GET']);
    routes.add('/time::now', ['GET']);
    expect(routes.methodsAt(url)).toEqual(methods);
  });
});
