// What metrics a process shows, and which ones docs/metrics.md says that it does.

const TYPE = /^# TYPE (concordat_\w+) (\w+)$/gm;
const SAMPLE = /^(concordat_\w+)(?:\{(.*)\})? [^ ]+$/gm;
const LABEL = /(\w+)="(?:[^"\\]|\\.)*"/g;
const ROW = /^\| `(\w+)` \| (\w+) \| [^|]* \| ([^|]*) \|/gm;

/**
 * @param {string} url of a process
 * @returns {Promise<Map<string, { type: string, labels: string[] }>>} of our own metrics: by name the labels that samples have
 */
export async function metricsShown(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const shown = new Map([...text.matchAll(TYPE)].map(([, name, type]) => [name, { type, labels: new Set() }]));
  for (const [, name, labels = ''] of text.matchAll(SAMPLE)) {
    const metric = shown.get(name) ?? shown.get(name.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label] of labels.matchAll(LABEL)) if (label !== 'le') metric?.labels.add(label);
  }
  return new Map([...shown].map(([name, { type, labels }]) => [name, { type, labels: [...labels].sort() }]));
}

/**
 * @param {string} page docs/metrics.md
 * @param {'Coordinator' | 'Participants'} section
 * @returns {Map<string, { type: string, labels: string[] }>}
 */
export function metricsDocumented(page, section) {
  const [, text = ''] = new RegExp(`^## ${section}$(.*?)(?=^## |(?![\\s\\S]))`, 'ms').exec(page) ?? [];
  const rows = [...text.matchAll(ROW)].map(([, name, type, labels]) => {
    return [name, { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).sort() }];
  });
  return new Map(rows);
}
