import { compareVersions } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import type { Cause } from '../observation/observation.js';
import { tellsMore, type News } from '../observation/news.store.js';
import type { Happening, Move, Partition } from '../partition/partition.js';
import { nextDecision } from '../partition/graph.store.js';
import { fold, mergeRegisters, type Registers } from './golden.js';
import { happened, reasonFor, recorded, type Caused, type Profile } from './profile.js';
import { findRegisters, lockMany, lockMembers, note, saveMany, saveMembers, saveRegisters, type Member } from './profile.store.js';
