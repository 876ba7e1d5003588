// Objects of the Prometheus operator, held against the schemas of its CRDs, which are kept in deploy/helm/schemas.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { helmDirectory } from './charts.mjs';

const directory = join(helmDirectory, 'schemas');

/** @returns {Promise<Map<string, import('ajv').ValidateFunction>>} by apiVersion and kind */
async function validators() {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const files = await readdir(directory);
  const entries = files.map(async (file) => {
    const { apiVersion, kind, openAPIV3Schema } = JSON.parse(await readFile(join(directory, file), 'utf8'));
    return [`${apiVersion} ${kind}`, ajv.compile(closed(openAPIV3Schema))];
  });
  return new Map(await Promise.all(entries));
}

/**
 * @param {readonly any[]} objects of a rendering
 * @returns {Promise<{ checked: string[], faults: string[] }>} which were custom resources, and what is wrong with them; one
 * whose schema is not kept is a fault
 */
export async function checkCustomResources(objects) {
  const byKind = await validators();
  const checked = [];
  const faults = [];
  for (const object of objects.filter(isCustom)) {
    const { apiVersion, kind, metadata } = object;
    const validate = byKind.get(`${apiVersion} ${kind}`);
    checked.push(`${kind} ${metadata.name}`);
    if (!validate) faults.push(`${kind} ${metadata.name}: there is no schema of ${apiVersion} ${kind}`);
    else if (!validate(object)) {
      faults.push(
        ...validate.errors.map((error) => `${kind} ${metadata.name}${error.instancePath}: ${wordsOf(error)}`),
      );
    }
  }
  return { checked, faults };
}

/** Kinds of Kubernetes itself have no dot in their group, or end in k8s.io. */
const isCustom = ({ apiVersion = '' }) => /^[^/]*\.[^/]*\//.test(apiVersion) && !/^[^/]*\.k8s\.io\//.test(apiVersion);

const wordsOf = ({ message, params }) => [message, params.additionalProperty].filter(Boolean).join(' ');

/** The API server drops fields that a structural schema does not know; here they are mistakes. */
function closed(schema) {
  if (schema === null || typeof schema !== 'object') return schema;
  if (Array.isArray(schema)) return schema.map(closed);
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  // Go's way to say that letters may be large or small.
  if (typeof schema.pattern === 'string') copy.pattern = schema.pattern.replace(/^\^\(\?i\)(.*)\$$/, '^(?i:$1)$');
  const isObject = schema.type === 'object' && schema.properties && schema.additionalProperties === undefined;
  return isObject && !schema['x-kubernetes-preserve-unknown-fields'] ? { ...copy, additionalProperties: false } : copy;
}
