#!/usr/bin/env node
// In a checkout the sources may not be compiled yet; an installed package brings its dist/ along.
import { existsSync } from 'node:fs';

// Whoever reads only the beginning, as `head` does, wants no more.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const entry = new URL('../dist/main.js', import.meta.url);
const builder = new URL('../../../scripts/build.mjs', import.meta.url);
if (existsSync(builder)) await (await import(builder.href)).build();
const { runConcordat } = await import(entry.href);
process.exitCode = await runConcordat(process.argv.slice(2), process.env);
