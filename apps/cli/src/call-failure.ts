/** What a call of the coordinator that has failed means for whoever sits at the command line. */
import { ConcordatError as CallError, OutcomeUnknownError, TransactionAbortedError } from '@concordat/client';
import { ERRORS } from '@concordat/protocol';
import { CommandFailure, type ExitName } from './failure.js';

const REQUEST_TIMEOUT = 408;
const TOO_MANY_REQUESTS = 429;

/** The command that helps on. */
const NEXT: Readonly<Record<string, string>> = {
  'transaction-not-found': 'concordat transactions list',
  'participant-not-found': 'concordat participants',
  'audit-not-found': 'concordat audit list',
  'audit-running': 'concordat audit list',
  'resolve-refused': 'concordat in-doubt',
  'membership-refused': 'concordat cluster members',
  'participant-unavailable': 'concordat participants',
  'not-ready': 'concordat status',
  unauthenticated: 'the same with --api-key-file FILE',
  forbidden: 'the same with the API key of somebody who may, by --api-key-file FILE',
};

const OWN_ADVICE: Readonly<Record<string, string>> = {
  'answer-not-understood': 'Look whether --url leads to a coordinator and not to something else.',
  'connection-lost': 'Look whether --url is right and a coordinator runs there; concordat status shows each.',
  'deadline-exceeded': 'Try again, or allow more time with --timeout.',
  misuse: 'Look at the options of this command with --help.',
};

export function callFailure(error: CallError): CommandFailure {
  if (error instanceof OutcomeUnknownError || error.code === 'outcome-unknown') return unknown(error);
  // Time was up: what kept it from an answer is the news.
  const told = error.code === 'deadline-exceeded' && error.cause instanceof CallError ? error.cause : error;
  const { code, problem, status } = told;
  const registered = code in ERRORS ? ERRORS[code as keyof typeof ERRORS] : undefined;
  const title = problem?.title ?? registered?.title;
  const next = NEXT[code];
  const message = title === undefined ? told.message : `${title}: ${problem?.detail ?? told.message}`;
  const advice = registered?.advice ?? OWN_ADVICE[code] ?? 'Try again, or report it.';
  return new CommandFailure(exitOf(told), message, next === undefined ? advice : `${advice} Next: ${next}`, {
    cause: error,
    lines: [
      ...(problem?.issues ?? []).map(({ path, message }) => `  ${path || 'request'}: ${message}`),
      ...(told instanceof TransactionAbortedError ? [reasonLine(told)] : []),
      ...(status === undefined
        ? []
        : [`code ${code}, HTTP ${status}${problem?.traceId ? `, trace ${problem.traceId}` : ''}`]),
    ],
    details: {
      code,
      ...(status !== undefined && { status }),
      ...(told.transactionId !== undefined && { transactionId: told.transactionId }),
      ...(problem && { problem }),
    },
  });
}

const reasonLine = ({ reason }: TransactionAbortedError): string =>
  `reason ${reason.code}${reason.participant ? ` of ${reason.participant}` : ''}: ${reason.message}`;

function exitOf({ code, status }: CallError): Exclude<ExitName, 'done'> {
  if (code === 'misuse') return 'usage';
  if (code === 'answer-not-understood' || status === undefined) {
    return code === 'transaction-aborted' ? 'refused' : 'unreachable';
  }
  return status >= 500 || status === REQUEST_TIMEOUT || status === TOO_MANY_REQUESTS ? 'unreachable' : 'refused';
}

function unknown(error: CallError): CommandFailure {
  const { transactionId } = error;
  const look = transactionId === undefined ? 'concordat status' : `concordat transactions show ${transactionId}`;
  const cause = error.cause instanceof Error ? ` ${error.cause.message}` : '';
  return new CommandFailure(
    'unknown',
    `No answer came in time, and it may have been carried out.${cause}`,
    `Do not repeat the work as new work; look what became of it. Next: ${look}`,
    { cause: error, details: { code: 'outcome-unknown', ...(transactionId !== undefined && { transactionId }) } },
  );
}
