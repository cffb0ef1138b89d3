export { Problem, present, type Fault, type ProblemDetails, type ProblemKind } from './problem.js';
export { opaqueId, uuidv5 } from './ids.js';
export { LARGEST_MINOR, lineTotalMinor, minor, minorDigits } from './money.js';
export { DAY, HOUR, clockOffset, iso, millis, type Millis } from './clock.js';
export { compareText, compareVersions, type Version } from './version.js';
export { LATE_AFTER, reasonOf, type Reason } from './reason.js';
export { fault } from './fault.js';
