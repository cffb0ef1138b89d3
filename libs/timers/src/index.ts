export { TimerTables1700000000003 } from './migrations/timer-tables.js';
export { OnTimer, TimerTransport } from './timer-transport.js';
export { arm, causeOf, type Due, type Timer } from './timer.js';
