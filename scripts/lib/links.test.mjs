import { describe, expect, it } from '@jest/globals';
import { anchorsOf, brokenIn, findBrokenLinks } from './links.mjs';

const files = ['docs/a.md', 'docs/b.md', 'apps/x/src/http/y.test.ts', 'package.json'];
const inPage = (text) =>
  brokenIn('docs/a.md', {
    pages: new Map([
      ['docs/a.md', text],
      ['docs/b.md', '# One\n## `Two` & three'],
      ['docs/metrics.md', '| `concordat_real_total` |'],
    ]),
    files,
    scripts: ['bench'],
  });

describe('the pages of the repository', () => {
  it('point to nothing that is not there', async () => {
    expect(await findBrokenLinks()).toEqual([]);
  });
});

describe('what a page points to', () => {
  it.each([
    ['[x](c.md)', 'docs/a.md:1: no such file: c.md'],
    ['\n![x](../docs/c.png)', 'docs/a.md:2: no such file: ../docs/c.png'],
    ['[x](b.md#three)', 'docs/a.md:1: no such heading: b.md#three'],
    ['[x](#here)', 'docs/a.md:1: no such heading: #here'],
    ['`apps/z/src`', 'docs/a.md:1: no such path: apps/z/src'],
    ['`http/z.test.ts`', 'docs/a.md:1: no such file: http/z.test.ts'],
    ['`concordat_made_up_total`', 'docs/a.md:1: no such metric: concordat_made_up_total'],
    ['```sh\nnpm run benhc\n```', 'docs/a.md:2: no such script: npm run benhc'],
  ])('is missed in %j', (text, words) => {
    expect(inPage(text)).toEqual([words]);
  });

  it('is found, or is no path of the repository', () => {
    const text = `# Here
[a](b.md) [b](b.md#one) [c](b.md#two--three) [d](#here) [e](../apps/x) [f](https://example.org/c.md) [g](..)
\`http/y.test.ts\` \`apps/x/src/http/y.test\` \`apps/*/dist\` \`run.json\` \`concordat_real_total\` \`concordat_branch\` \`npm run bench\`
\`\`\`md
[x](c.md)
\`\`\``;
    expect(inPage(text)).toEqual([]);
  });

  it('may be one of several headings with the same words, or a place with a name', () => {
    const page = '# A [link](x.md)\n## b\n## b\n| <a id="code"></a> |\n```\n# no\n```';
    expect([...anchorsOf(page)]).toEqual(['a-link', 'b', 'b-1', 'code']);
  });
});
