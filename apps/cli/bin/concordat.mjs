#!/usr/bin/env node
import { runConcordat } from '../dist/main.js';

process.exitCode = await runConcordat(process.argv.slice(2), process.env);
