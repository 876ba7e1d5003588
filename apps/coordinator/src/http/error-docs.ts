import { ABORT_REASONS, ERRORS } from '@concordat/protocol';

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
export function errorsHtml(): string {
  const codes = CODES.map(
    ([code, { status, title, retryable, advice }]) =>
      `<h2 id="${code}"><code>${code}</code></h2><p>${status} · ${retryable ? 'retryable' : 'not retryable'}</p>` +
      `<p>${escapeHtml(title)}. ${escapeHtml(advice)}</p>`,
  );
  const reasons = REASONS.map(([code, meaning]) => `<dt><code>${code}</code></dt><dd>${escapeHtml(meaning)}</dd>`);
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Concordat errors</title>' +
    '<style>body{font-family:sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}</style></head><body>' +
    `<h1>Errors</h1>${codes.join('')}<h1>Reasons of aborts</h1><dl>${reasons.join('')}</dl></body></html>`
  );
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
