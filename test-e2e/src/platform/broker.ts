import kafkajs from 'kafkajs';

import { eventually } from '@yunke/testing';

/** A platform's databases are new, so its topics must be, too: what another one said would stop its readers. */
export async function clearTopics(brokers: string): Promise<void> {
  const admin = new kafkajs.Kafka({ clientId: 'platform', brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 8 } }).admin();
  await admin.connect();
  try {
    const ours = async (): Promise<string[]> => (await admin.listTopics()).filter((topic) => topic.startsWith('yunke.'));
    const topics = await ours();
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((id) => id.startsWith('yunke.'));
    if (groups.length > 0) await admin.deleteGroups(groups).catch(() => undefined); // hints only
    await eventually(async () => {
      if ((await ours()).length > 0) throw new Error('topics are still being deleted');
    });
  } finally {
    await admin.disconnect();
  }
}
