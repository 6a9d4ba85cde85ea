// Runs tests/*.test.ts with Node's own runner: each is bundled by esbuild first, so the tests need no loader.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { bundleOptions, generate } from './build.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'dashboard-tests-'));
try {
  generate();
  const tests = readdirSync(join(here, 'tests')).filter((name) => name.endsWith('.test.ts'));
  await esbuild.build({
    ...bundleOptions,
    entryPoints: tests.map((name) => join('tests', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node18',
    sourcemap: 'inline',
  });
  const files = tests.map((name) => join(out, name.replace(/\.ts$/, '.mjs')));
  const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
