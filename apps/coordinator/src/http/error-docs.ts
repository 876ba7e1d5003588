import { ABORT_REASONS, ERRORS } from '@concordat/protocol';
import { heading, table, text, toHtml } from './reference/blocks.js';

const CODES = Object.entries(ERRORS);
const REASONS = Object.entries(ABORT_REASONS);

/** docs/errors.md, made of the registry. */
export function errorsMarkdown(): string {
  const rows = CODES.map(
    ([code, { status, title, retryable, advice }]) =>
      `| <a id="${code}"></a>\`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title}. ${advice} |`,
  );
  const reasons = REASONS.map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return [
    '# Errors',
    '',
    'Every error is an RFC 9457 problem (`application/problem+json`) with a stable `code`. `retryable` in a problem says',
    'whether the same request may succeed later; it may differ from the table where one case knows better, as an abort',
    'does. This page is generated from the registry in `libs/protocol/src/errors.ts` by `scripts/generate.mjs`.',
    '',
    '| code | status | retryable | meaning and advice |',
    '|---|---|---|---|',
    ...rows,
    '',
    '## Reasons of aborts',
    '',
    'A `transaction-aborted` problem carries a `reason`. These codes are given by Concordat; participants add their own,',
    'such as `insufficient-funds`.',
    '',
    '| code | meaning |',
    '|---|---|',
    ...reasons,
    '',
  ].join('\n');
}

/** The same for people who follow the `type` of a problem. */
export const errorsHtml = (): string =>
  toHtml('Concordat: Errors', [
    heading(1, 'Errors'),
    text(
      'Every error is an RFC 9457 problem with one of these codes. Calls: [/docs](/docs). Messages: [/docs/kafka](/docs/kafka).',
    ),
    ...CODES.flatMap(([code, { status, title, retryable, advice }]) => [
      heading(2, code),
      text(`${status}, ${retryable ? 'retryable' : 'not retryable'}. ${title}. ${advice}`),
    ]),
    heading(2, 'Reasons of aborts'),
    ...table(
      ['code', 'meaning'],
      REASONS.map(([code, meaning]) => [`\`${code}\``, meaning]),
    ),
  ]);
