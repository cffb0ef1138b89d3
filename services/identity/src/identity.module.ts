import { Module } from '@nestjs/common';

import type { Service } from '@yunke/service';

import { DecisionController } from './decision/decision.controller.js';
import { Identity1700000001301 } from './migrations/0001-identity.js';
import { ObservationHandlers } from './observation/observation.handlers.js';
import { ProfileController } from './profile/profile.controller.js';
import { ProfileHandlers } from './profile/profile.handlers.js';

@Module({ controllers: [ObservationHandlers, ProfileHandlers, ProfileController, DecisionController] })
class IdentityModule {}

export const identity: Service = { name: 'identity', module: IdentityModule, routes: ['/api/profiles', '/api/identity'], migrations: [Identity1700000001301] };
