// A process that the outage tests kill: reads a topic in a group and tells its parent every value.
import { createTransport } from '../dist/index.js';

const { topic, groupId, ...options } = JSON.parse(process.env.READER);
const transport = createTransport(options);
process.on('disconnect', () => process.exit());
await transport.connect();
const onMessage = ({ value }) => void process.send(value.toString());
await transport.subscribe({ topic, groupId, from: 'committed', onMessage });
process.send('ready');
