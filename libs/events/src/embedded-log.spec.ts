import { throwAwayDatabase } from '@yunke/testing';

import { embeddedLog } from './embedded-log.js';
import { logSuite } from './log.suite.js';

logSuite('embedded', async () => {
  const url = await throwAwayDatabase();
  const handles = [await embeddedLog(url)];
  return {
    log: handles[0]!,
    async reopen() {
      const again = await embeddedLog(url);
      handles.push(again);
      return again;
    },
    async close() {
      await Promise.all(handles.map((log) => log.close()));
    },
  };
});
