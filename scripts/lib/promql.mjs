// What a PromQL expression asks for, read with Prometheus' own grammar, held against the metrics that there are.
import { parser } from '@prometheus-io/lezer-promql';

/** What Prometheus itself, or the operator's ServiceMonitor, gives to every series. */
const TARGET_LABELS = ['namespace', 'instance', 'job', 'pod', 'service'];

/**
 * @param {string} expression Grafana's variables may stand in it
 * @param {ReadonlyMap<string, readonly string[]>} series by name their labels
 * @param {readonly string[]} [shown] labels that a legend or an annotation fills in
 * @returns {string[]} what is wrong with it
 */
export function faultsIn(expression, series, shown = []) {
  const text = expression.replaceAll('$__rate_interval', '5m');
  const faults = [];
  const known = new Set(TARGET_LABELS);
  const grouped = new Set();
  let aggregates = false;
  parser.parse(text).iterate({
    enter: ({ type, node, from, to }) => {
      const said = text.slice(from, to);
      if (type.isError) faults.push(`cannot be read at ${JSON.stringify(text.slice(Math.max(0, from - 20), to + 1))}`);
      else if (type.name === 'VectorSelector') faults.push(...faultsOfSelector(node, text, series, known));
      else if (type.name === 'AggregateExpr') aggregates = true;
      else if (type.name === 'LabelName' && node.parent?.name === 'GroupingLabels') grouped.add(said);
    },
  });
  for (const label of grouped) if (!known.has(label)) faults.push(`no series has the label ${label}`);
  const left = aggregates ? grouped : known;
  for (const label of shown) if (!left.has(label)) faults.push(`the result has no label ${label}`);
  return faults;
}

/** Adds the labels of the series to those that are known. */
function faultsOfSelector(selector, text, series, known) {
  const name = text.slice(selector.firstChild?.from ?? 0, selector.firstChild?.to ?? 0);
  const labels = series.get(name);
  if (!labels) return [`there is no metric ${name}`];
  for (const label of labels) known.add(label);
  return matchersOf(selector, text)
    .filter((label) => !labels.includes(label) && !TARGET_LABELS.includes(label))
    .map((label) => `${name} has no label ${label}`);
}

function matchersOf(selector, text) {
  const matchers = selector.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
  return matchers.map((matcher) => {
    const label = matcher.getChild('LabelName');
    return text.slice(label.from, label.to);
  });
}

/** @param {string} template of a legend or an annotation @returns {string[]} the labels that it shows */
export const labelsShown = (template) =>
  [...template.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label]) => label);
