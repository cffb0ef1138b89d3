import { applyDecorators, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiBearerAuth } from '@nestjs/swagger';
import { jwtVerify, type CryptoKey } from 'jose';

import { Problem } from '@yunke/kernel';

/** What a person or a program may do; an operator may do what a viewer may. */
export type Role = 'viewer' | 'operator';

export const ISSUER = 'yunke';
export const AUDIENCE = 'yunke-api';

const RANK: Record<Role, number> = { viewer: 1, operator: 2 };
const ROLE = Symbol('yunke.role');

/** The least role that a route needs; without it a route needs `viewer`. */
export const Roles = (role: Role): MethodDecorator & ClassDecorator => applyDecorators(SetMetadata(ROLE, role), ApiBearerAuth());

/** A route without a token: it checks a key of its own, or has nothing to hide. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(ROLE, 'public');

export type Caller = { readonly subject: string; readonly role: Role };

/** The public keys that tokens are checked against, as a class so that Nest can inject it. */
export class TokenKeys {
  constructor(readonly keys: readonly CryptoKey[]) {}
}

/**
 * Every route needs a token unless marked public: an EdDSA JWT with issuer, audience, expiry and a role. Only that algorithm
 * and only the configured keys are ever tried, whatever the token's header says.
 */
@Injectable()
export class TokenGuard implements CanActivate {
  constructor(private readonly reflector: Reflector, private readonly trusted: TokenKeys) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true; // the log and the timers call from inside
    const needed = this.reflector.getAllAndOverride<Role | 'public' | undefined>(ROLE, [context.getHandler(), context.getClass()]) ?? 'viewer';
    if (needed === 'public') return true;
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined>; caller?: Caller }>();
    const caller = await this.verify(request.headers['authorization']);
    if (RANK[caller.role] < RANK[needed]) throw new Problem('forbidden', 'token.role_insufficient', `This needs the role ${needed}.`);
    request.caller = caller;
    return true;
  }

  /** @throws token.missing, token.invalid (401) */
  async verify(header: string | undefined): Promise<Caller> {
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(header ?? '')?.[1];
    if (!token) throw unauthenticated('token.missing', 'Send an API token: Authorization: Bearer <token>.');
    for (const key of this.trusted.keys) {
      try {
        const { payload } = await jwtVerify(token, key, { algorithms: ['EdDSA'], issuer: ISSUER, audience: AUDIENCE, requiredClaims: ['exp', 'sub'], clockTolerance: 60 });
        if (payload['role'] === 'viewer' || payload['role'] === 'operator') return { subject: payload.sub!, role: payload['role'] };
      } catch {
        // another key may fit
      }
    }
    throw unauthenticated('token.invalid', 'The API token is not valid, or no longer.');
  }
}

const unauthenticated = (code: string, message: string): Problem => new Problem('forbidden', code, message, { status: 401 });
