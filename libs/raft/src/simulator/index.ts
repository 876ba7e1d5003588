/** The parts of the simulator, for simulations of what is built upon Raft: `@concordat/raft/simulator`. */
export { EventQueue } from './event-queue.js';
export { CALM, type NetworkConditions, SimulatedNetwork } from './network.js';
export { type NodeTuning, SimulatedNode, type SimulatedStateMachine, type World } from './node.js';
export { SeededRandom } from './random.js';
