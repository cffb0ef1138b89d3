export { throwAwayDatabase } from './throw-away-database.js';
export { eventually } from './eventually.js';
export { NOON, aCustomerObserved, aReturnObserved, anOrderObserved } from './fixtures.js';
export { readAll, type Said } from './read-log.js';
export { SECRET, serviceUnderTest, type ServiceUnderTest } from './service-under-test.js';
