import { expect, it } from '@jest/globals';
import { withShownFiles } from './shown-files.mjs';

const page = (code) => `Before\n\n<!-- examples/a.ts -->\n\`\`\`ts\n${code}\n\`\`\`\n\nbetween\n\`\`\`sh\nls\n\`\`\`\n`;

it('a page shows its files as they are now, and keeps all else', () => {
  const read = (path) => `file(${path}, '$&');\n\n`;
  const shown = withShownFiles(page('old\n\nlines'), read);
  expect(shown).toBe(page("file(examples/a.ts, '$&');"));
  expect(withShownFiles(shown, read)).toBe(shown);
});
