// Counts messages by where the partitions end: what was really stored, whatever anybody says that it sent.
import { Admin, ListOffsetTimestamps } from '@platformatic/kafka';

export class TopicEnds {
  #admin;
  #topics = [];

  /** @param {string} brokers @param {string} prefix of the topics that count; those that exist now */
  static async open(brokers, prefix) {
    const ends = new TopicEnds();
    ends.#admin = new Admin({ clientId: 'bench-topic-ends', bootstrapBrokers: brokers.split(','), retries: 5 });
    const names = (await ends.#admin.listTopics()).filter((name) => name.startsWith(prefix));
    const { topics } = await ends.#admin.metadata({ topics: names });
    ends.#topics = names.map((name) => ({ name, partitions: partitions(topics.get(name).partitionsCount) }));
    return ends;
  }

  /** @returns {Promise<number>} in all the topics, ever */
  async messages() {
    const topics = await this.#admin.listOffsets({ topics: this.#topics });
    return topics.flatMap((topic) => topic.partitions).reduce((sum, { offset }) => sum + Number(offset), 0);
  }

  close() {
    return this.#admin.close();
  }
}

const partitions = (count) =>
  Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp: ListOffsetTimestamps.LATEST }));
