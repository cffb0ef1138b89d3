import { Module } from '@nestjs/common';

import type { Service } from '@yunke/service';

import { Identity1700000001301 } from './migrations/0001-identity.js';
import { ObservationHandlers } from './observation/observation.handlers.js';
import { ProfileHandlers } from './profile/profile.handlers.js';

@Module({ controllers: [ObservationHandlers, ProfileHandlers] })
class IdentityModule {}

export const identity: Service = { name: 'identity', module: IdentityModule, routes: ['/api/profiles', '/api/identity'], migrations: [Identity1700000001301] };
