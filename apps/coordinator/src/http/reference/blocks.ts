/** A page of reference as blocks, and what becomes of it: Markdown for the repository, HTML for a running coordinator. */

export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'code'; readonly language: string; readonly text: string };

export const heading = (level: 1 | 2 | 3, text: string): Block => ({ kind: 'heading', level, text });
export const text = (words: string): Block => ({ kind: 'text', text: words });
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): Block[] =>
  rows.length === 0 ? [] : [{ kind: 'table', head, rows }];
export const jsonCode = (value: unknown): Block => ({ kind: 'code', language: 'json', text: toReadableJson(value) });
export const shellCode = (command: string): Block => ({ kind: 'code', language: 'sh', text: command });

/** Texts within blocks are plain but for `code` and [links](target). */
const INLINE = /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;

export function toMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(markdownOf).join('\n\n')}\n`;
}

function markdownOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${block.text}`;
    case 'text':
      return markdownText(block.text);
    case 'code':
      return `\`\`\`${block.language}\n${block.text}\n\`\`\``;
    case 'table':
      return [block.head, block.head.map(() => '---'), ...block.rows]
        .map((cells) => `| ${cells.map((cell) => markdownText(cell).replaceAll('|', '\\|')).join(' | ')} |`)
        .join('\n');
  }
}

/** What looks like a tag is none; within `code` it is shown as it is. */
const markdownText = (words: string): string =>
  words.replaceAll(/`[^`]+`|</g, (found) => (found === '<' ? '&lt;' : found));

const STYLE = `:root{color-scheme:light dark}body{background:#fff;color:#1b1b1f;font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid #8886}h3{font-size:1.05rem;margin-top:2rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884}td:last-child{min-width:12rem}
code{font-size:.9em;background:#8882;padding:.05em .25em;border-radius:.2em}pre{background:#8882;padding:.8rem;border-radius:.3rem;overflow-x:auto}
pre code{background:none;padding:0}a{color:#2563c9}@media(prefers-color-scheme:dark){body{background:#15171c;color:#e6e6ea}a{color:#8ab4ff}}`;

/** @returns a page without scripts, with a table of contents after the first block; anchors are those of GitHub */
export function toHtml(title: string, blocks: readonly Block[]): string {
  const chapters = blocks.flatMap((block) => (block.kind === 'heading' && block.level === 2 ? [block.text] : []));
  const contents = chapters
    .map((chapter) => `<li><a href="#${anchorOf(chapter)}">${inline(chapter)}</a></li>`)
    .join('');
  const [first = '', ...rest] = blocks.map(htmlOf);
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<title>${escapeHtml(title)}</title><link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png"><style>${STYLE}</style></head><body><main>${first}<nav aria-label="Contents"><ul>${contents}</ul></nav>` +
    `${rest.join('\n')}</main></body></html>`
  );
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level} id="${anchorOf(block.text)}">${inline(block.text)}</h${block.level}>`;
    case 'text':
      return `<p>${inline(block.text)}</p>`;
    case 'code':
      return `<pre tabindex="0"><code>${escapeHtml(block.text)}</code></pre>`;
    case 'table': {
      const row = (cells: readonly string[], tag: string) =>
        `<tr>${cells.map((cell) => `<${tag}>${inline(cell)}</${tag}>`).join('')}</tr>`;
      const rows = block.rows.map((cells) => row(cells, 'td')).join('');
      return `<div class="scroll" tabindex="0"><table><thead>${row(block.head, 'th')}</thead><tbody>${rows}</tbody></table></div>`;
    }
  }
}

/** As GitHub makes it of a heading. */
export const anchorOf = (words: string): string =>
  words
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

const inline = (words: string): string =>
  escapeHtml(words).replaceAll(INLINE, (_, code?: string, label?: string, target?: string) =>
    code === undefined ? `<a href="${target}">${label}</a>` : `<code>${code}</code>`,
  );

const escapeHtml = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const LINE_LENGTH_MAX = 110;

/** JSON in which whatever fits into a line stands in one. */
export function toReadableJson(value: unknown, indent = ''): string {
  const short = shortJson(value);
  if (indent.length + short.length <= LINE_LENGTH_MAX || value === null || typeof value !== 'object') return short;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((one) => toReadableJson(one, inner))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${toReadableJson(one, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`;
}

function shortJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shortJson).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  return members.length === 0
    ? '{}'
    : `{ ${members.map(([name, one]) => `${JSON.stringify(name)}: ${shortJson(one)}`).join(', ')} }`;
}
