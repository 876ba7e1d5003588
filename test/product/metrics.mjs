// What metrics a process shows, and which ones texts such as alert rules name.

const TYPE = /^# TYPE (\w+) (\w+)$/gm;
const NAME = /\bconcordat_[a-z_]+\b/g;

/** @param {string} url of a process @returns {Promise<string[]>} every name that may stand in a query */
export async function namesShown(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(TYPE)].flatMap(([, name, type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
  );
}

/** @param {string} text @returns {string[]} */
export const namesIn = (text) => [...new Set(text.match(NAME) ?? [])].sort();
