export { TimerTables1700000000003 } from './migrations/timer-tables.js';
export { OnTimer, TimerTransport } from './timer-transport.js';
export { measureTimers } from './timers-due.js';
export { arm, causeOf, type Due, type Timer } from './timer.js';
