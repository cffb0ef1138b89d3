import { Module } from '@nestjs/common';

import type { Service } from '@yunke/service';

import { CounterHandlers } from './counter.handlers.js';
import { Counter1700000009001 } from './counter.migration.js';

@Module({ controllers: [CounterHandlers] })
class CounterModule {}

/** A service of the fault tests only: its effects are not idempotent, so what is heard twice, never or out of order shows. */
export const counter: Service = { name: 'counter', module: CounterModule, routes: [], migrations: [Counter1700000009001] };
