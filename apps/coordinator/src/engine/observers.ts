/** What replicas tell each other of participants, and what one of them makes of it. */
import { condemns, type Hearing, type Word } from '@concordat/failure-detection';

/** A word that has not been renewed for so long no longer counts; replicas ask each other twice a second. In ms. */
const WORD_AGE_MS_MAX = 3_000;
/** Participants that one observation names at most; what it leaves out, it does not doubt. */
export const DOUBTED_MAX = 1_000;

export interface Doubt {
  readonly participant: string;
  readonly word: Exclude<Hearing, 'alive'>;
  readonly suspicion: number;
}

/** What a replica hears of participants itself. */
export interface Observation {
  /** False while it may be missing what participants say; then it suspects nobody. */
  readonly listening: boolean;
  /** All others are alive. */
  readonly doubted: readonly Doubt[];
}

/** An observation as it has reached this replica. */
export interface ReceivedObservation {
  /** The id in the log of who made it, and the ordinal of where it runs. */
  readonly observer: number;
  readonly nodeId: number;
  /** Of an earlier version that does not observe: undefined. */
  readonly observation: Observation | undefined;
  /** Since it was asked for, in ms. */
  readonly ageMs: number;
}

/** The replicas of the cluster as observers: the port to them. */
export interface Observers {
  /** This replica's id in the log, and the ordinal of where it runs. */
  readonly own: number;
  readonly nodeId: number;
  /** Ids of the members that vote now. */
  readonly voters: ReadonlySet<number>;
  /** The last ones of the other replicas, voters or not. */
  received(): readonly ReceivedObservation[];
}

/** What one replica says of one participant. */
export interface ObserverWord {
  readonly nodeId: number;
  readonly word: Hearing;
  /** φ; null where it was not told. */
  readonly suspicion: number | null;
  readonly ageMs: number;
}

/** What this replica hears of one participant at this moment. */
export interface OwnHearing {
  readonly word: Hearing;
  /** φ; null while this replica hears nothing. */
  readonly suspicion: number | null;
}

/** Whether a participant counts as down, by the word of a majority of voters (libs/failure-detection, rules O1 to O4). */
export function isCondemned(participant: string, own: OwnHearing, observers: Observers): boolean {
  if (own.word === 'alive') return false; // O4, before anybody is asked
  const words: Word<number>[] = [
    { observer: observers.own, hearing: own.word, ageMs: 0 },
    ...observers.received().map(({ observer, observation, ageMs }) => {
      return { observer, hearing: heardBy(participant, observation).word, ageMs };
    }),
  ];
  return condemns(words, { judge: observers.own, voters: observers.voters, wordAgeMsMax: WORD_AGE_MS_MAX });
}

/** Every word that is known and still counts, this replica's first. */
export function wordsOn(participant: string, own: OwnHearing, observers: Observers): ObserverWord[] {
  const others = observers
    .received()
    .filter(({ observation, ageMs }) => observation && ageMs <= WORD_AGE_MS_MAX)
    .map(({ nodeId, observation, ageMs }) => ({ nodeId, ...heardBy(participant, observation), ageMs }));
  return [{ nodeId: observers.nodeId, ...own, ageMs: 0 }, ...others];
}

function heardBy(participant: string, observation: Observation | undefined): OwnHearing {
  if (!observation?.listening) return { word: 'unknown', suspicion: null };
  const doubt = observation.doubted.find((one) => one.participant === participant);
  return doubt ? { word: doubt.word, suspicion: doubt.suspicion } : { word: 'alive', suspicion: null };
}
