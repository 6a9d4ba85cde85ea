// What needs no browser: types, unit tests, the size of the first load.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const dashboard = join(dirname(fileURLToPath(import.meta.url)), '../../../dashboard');

async function run(program, ...args) {
  try {
    return await promisify(execFile)(program, args, { cwd: dashboard, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? error}`.slice(-4000));
  }
}

export const sourceSteps = [
  [
    'npm_installs_exactly_what_is_locked',
    async () => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(join(dashboard, 'package.json'), 'utf8'));
      for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
        if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`${name} is not pinned: ${version}`);
      }
      if (!existsSync(join(dashboard, 'node_modules/.package-lock.json'))) await run('npm', 'ci', '--no-audit', '--no-fund');
    },
  ],
  [
    'types_fit',
    async () => {
      await run(process.execPath, 'build.mjs', '--generate');
      await run(process.execPath, 'node_modules/typescript/bin/tsc', '--noEmit');
    },
  ],
  ['unit_tests_of_wire_and_state_pass', () => run(process.execPath, 'test.mjs')],
  [
    'first_load_fits_its_budget',
    async ({ folder }) => {
      await run(process.execPath, 'build.mjs', '--out', join(folder, 'dist'));
      await run(process.execPath, 'budget.mjs', join(folder, 'dist'));
    },
  ],
];
