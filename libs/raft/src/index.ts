export {
  type ConfChange,
  type ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  confChange,
  decodeConfChange,
  encodeConfChange,
} from './confchange/conf-change.js';
export type { RaftConfig, ReadOnlyMode } from './core/config.js';
export {
  RaftCompactedError,
  RaftConfChangeError,
  RaftConfigError,
  RaftError,
  RaftInvariantError,
  RaftSnapshotOutOfDateError,
} from './core/errors.js';
export { describeConfState, describeEntry, describeMessage, describePeer, describeReady } from './core/format.js';
export { type Logger, silentLogger } from './core/logger.js';
export {
  type ConfState,
  createMessage,
  type Entry,
  EntryType,
  type HardState,
  INDEX_MAX,
  isLocalTarget,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  type Message,
  type MessageFields,
  MessageType,
  NO_BYTES,
  NO_CONF_STATE,
  NONE,
  type Snapshot,
  UNLIMITED,
} from './core/messages.js';
export { RawNode } from './core/raw-node.js';
export {
  type DropReason,
  type ProposalResult,
  type ReadState,
  type Ready,
  type Refusal,
  Role,
  type SoftState,
} from './core/ready.js';
export { type BasicStatus, type PeerStatus, type ProgressState, roleNames, type Status } from './core/status.js';
export type { Storage } from './core/storage.js';
export { MemoryStorage } from './log/memory-storage.js';
export { type Clock, systemClock } from './node/clock.js';
export type { SnapshotFile } from './node/log-meta.js';
export type { RaftNodeOptions } from './node/node-options.js';
export * from './node/outcomes.js';
export { RaftNode } from './node/raft-node.js';
export type { StateMachine } from './node/state-machine.js';
export { channelCredentials } from './transport/grpc-credentials.js';
export { GrpcTransport, type GrpcTransportOptions } from './transport/grpc-transport.js';
export { MemoryNetwork } from './transport/memory-transport.js';
export { decodeMessages, encodeMessages, MessageFormatError } from './transport/message-codec.js';
export { TcpTransport, type TcpTransportOptions } from './transport/tcp-transport.js';
export type { TransportTls } from './transport/tls.js';
export * from './transport/transport.js';
export type { WalBatch, WalEntry, WalSnapshot } from './wal/batch.js';
export type { Disk, DiskFile, DiskLock, PersistCallback } from './wal/disk.js';
export * from './wal/errors.js';
export { type DiskFaults, FaultyDisk } from './wal/faulty-disk.js';
export { RealDisk } from './wal/real-disk.js';
export { type WalOptions, type WalRecovery, WriteAheadLog } from './wal/write-ahead-log.js';
