import { connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Body, Controller, Get, Module, Param, Post, Query, Req } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsBoolean, IsInt, IsOptional, IsString, Length, Max, Min, ValidateNested } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { createApplication, type ApplicationOptions } from './application.js';
import { NATIVE_BODY, SEGMENT_BODY, TakesBody } from './body.js';
import { createOuterServer, type OuterOptions } from './server.js';

class Line {
  @IsString() sku!: string;
  @IsInt() @Min(1) quantity!: number;
}

class Echo {
  @IsString() @Length(1, 100) name!: string;
  @IsOptional() @IsInt() amount?: number;
  @IsOptional() @IsBoolean() urgent?: boolean;
  @IsOptional() @ValidateNested({ each: true }) @Type(() => Line) lines?: Line[];
}

class Page {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200, { context: { code: 'limit_too_large' } }) limit?: number;
  @IsOptional() @IsString() after?: string;
}

@Controller('api')
class EchoController {
  @Post('echo') echo(@Body() body: Echo) {
    return { name: body.name };
  }

  @Get('list') list(@Query() page: Page) {
    return { limit: page.limit ?? 50 };
  }

  @Get('things/:id') thing(@Param('id') id: string) {
    return { id };
  }

  @Get('who') who(@Req() request: FastifyRequest) {
    return { ip: request.ip };
  }

  @Get('big') big() {
    return 'x'.repeat(32 * 1024 * 1024);
  }

  @Get('slow') async slow() {
    await pause(1500);
    return {};
  }

  @Get('bug') bug() {
    throw new TypeError('kanarie: select secret from profiles');
  }

  @Get('outage') outage() {
    throw Object.assign(new Error('kanarie: connection refused'), { code: 'ECONNREFUSED' });
  }
}

@Controller('v1')
class IntakeController {
  @Post('batch') @TakesBody(SEGMENT_BODY) batch(@Body() body: unknown) {
    return { events: Array.isArray(body) ? body.length : 0 };
  }

  @Post('native') @TakesBody(NATIVE_BODY) native(@Body() body: unknown) {
    return { events: Array.isArray(body) ? body.length : 0 };
  }
}

@Module({ controllers: [EchoController, IntakeController] })
class EchoModule {}

/** A tiny application behind the outer server on a free port. */
export async function startEdge(outerOptions: OuterOptions, options: ApplicationOptions = {}) {
  const outer = createOuterServer(outerOptions);
  const { app, handler } = await createApplication(EchoModule, { nestLogger: false, ...options });
  outer.mount(['/api', '/v1'], handler);
  outer.complete();
  outer.server.listen(0, '127.0.0.1');
  await once(outer.server, 'listening');
  const { port } = outer.server.address() as AddressInfo;
  const stop = async () => {
    await outer.close(500);
    await app.close();
  };
  return { outer, port, stop };
}

export type Reply = { status: number; headers: Record<string, string>; body: string; sent: number };

/** What is written on the wire: one piece at once, or an endless or slow series of them. */
export type Pieces = Iterable<string | Buffer> | AsyncIterable<string | Buffer>;

/** Writes the pieces on a connection of their own until they end or an answer has come; then gives that answer. */
export async function talk(port: number, pieces: Pieces): Promise<Reply> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const answer = answerOn(socket);
  let answered = false;
  void answer.finally(() => (answered = true)).catch(() => undefined);
  let sent = 0;
  for await (const piece of pieces) {
    if (answered || !socket.writable) break;
    sent += piece.length;
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), answer]).catch(() => undefined);
  }
  try {
    return { ...(await answer), sent };
  } finally {
    socket.destroy();
  }
}

/** The first whole answer; a reset after it does not matter. */
function answerOn(socket: Socket): Promise<Omit<Reply, 'sent'>> {
  return new Promise((resolve, reject) => {
    let text = '';
    const look = () => {
      const [head, body] = split(text);
      if (body === undefined) return;
      const [status, ...lines] = head.split('\r\n');
      const headers = Object.fromEntries(lines.map((line) => line.split(/: ?(.*)/s)).map(([name, value]) => [name.toLowerCase(), value]));
      if (Buffer.byteLength(body, 'latin1') < Number(headers['content-length'] ?? 0)) return;
      resolve({ status: Number(status.split(' ')[1]), headers, body });
    };
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      look();
    });
    socket.on('error', (error) => reject(error));
    socket.on('close', () => reject(new Error(`closed after ${text.length} bytes without an answer`)));
  });
}

function split(text: string): [head: string, body?: string] {
  const at = text.indexOf('\r\n\r\n');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 4)];
}

/** The head of a request, with a Host unless `headers` bring one. */
export function head(line: string, headers: string[] = ['host: yunke.test']): string {
  return `${[`${line} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`;
}

/** A whole POST. */
export function post(path: string, body: string | Buffer, headers: string[] = []): Buffer {
  const bytes = Buffer.from(body as string);
  const type = headers.some((header) => header.startsWith('content-type')) ? [] : ['content-type: application/json'];
  const all = ['host: yunke.test', ...type, ...headers];
  if (!headers.some((header) => header.startsWith('content-length'))) all.push(`content-length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(head(`POST ${path}`, all)), bytes]);
}
