// Pages that show files of the repository as they are: a comment with the path, and the block of code after it.
import { extname } from 'node:path';

const SHOWN = /(<!-- ([\w./-]+) -->\n)```\w*\n[\s\S]*?\n```/g;

/**
 * @param {string} page Markdown in which `<!-- path -->` stands before a block of code
 * @param {(path: string) => string} read the text of a file, by its path from the root
 * @returns {string} the page with the present text of each file; beginnings are those of the file, whole
 */
export function withShownFiles(page, read) {
  return page.replaceAll(SHOWN, (_, comment, path) => {
    return `${comment}\`\`\`${extname(path).slice(1)}\n${read(path).trimEnd()}\n\`\`\``;
  });
}
