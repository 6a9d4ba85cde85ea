// tests/browser/run.mjs [--screenshot FILE] [--web-root DIR]: runs every step in order, prints "N passed, N failed".
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Browser } from './browser.mjs';
import { Agent, Hub } from './processes.mjs';
import { accessSteps } from './steps/access.mjs';
import { accessibilitySteps } from './steps/accessibility.mjs';
import { alertSteps } from './steps/alerts.mjs';
import { deviceSteps } from './steps/device.mjs';
import { outageSteps } from './steps/outage.mjs';
import { sessionSteps } from './steps/session.mjs';
import { sourceSteps } from './steps/sources.mjs';
import { startSteps } from './steps/start.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const stepDeadlineMs = 120_000;
const { values: options } = parseArgs({
  options: { screenshot: { type: 'string' }, 'web-root': { type: 'string' } },
});
const bin = join(resolve(join(here, '../..'), process.env.BUILD_DIR ?? 'build/release'), 'bin');
for (const program of ['telemetry-hub', 'device-agent']) {
  if (!existsSync(join(bin, program))) {
    console.error(`${join(bin, program)} is not there: build it first, or set BUILD_DIR`);
    console.log('0 passed, 1 failed');
    process.exit(1);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'telemetry-browser-'));
const world = {
  folder,
  options,
  hub: new Hub(bin, join(folder, 'hub'), options['web-root'] ? ['--web-root', resolve(options['web-root'])] : []),
  agent: new Agent(bin, join(folder, 'agent')),
  browser: new Browser(join(folder, 'profile')),
  username: 'admin',
  password: 'correct horse battery',
  device: 'greenhouse-1',
};
const steps = [
  ...startSteps,
  ...deviceSteps,
  ...alertSteps,
  ...accessSteps,
  ...accessibilitySteps,
  ...outageSteps,
  ...sessionSteps,
];

async function within(ms, work) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

let passed = 0;
let failed = 0;
async function run(name, work) {
  const started = Date.now();
  try {
    await within(stepDeadlineMs, work());
    ++passed;
    console.log(`ok      ${name} (${Date.now() - started} ms)`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}\n        ${String(error?.stack ?? error).replace(/\n/g, '\n        ')}`);
    const shots = join(here, 'screenshots');
    mkdirSync(shots, { recursive: true });
    await world.browser.screenshot(join(shots, `${name.replace(/\W+/g, '_')}.png`)).catch(() => {});
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    void end().then(() => process.exit(1));
  });
}
async function end() {
  await world.browser.close().catch(() => {});
  await world.agent.kill();
  await world.hub.kill();
  rmSync(folder, { recursive: true, force: true });
}

try {
  for (const [name, step] of sourceSteps) await run(name, () => step(world));
  await world.hub.start();
  await world.browser.open(world.hub.url);
  for (const [name, step] of steps) await run(name, () => step(world));
  await run('the_page_never_logged_an_error', async () => {
    const errors = world.browser.errors();
    if (errors.length > 0) throw new Error(errors.slice(0, 10).join('\n'));
  });
} catch (error) {
  ++failed;
  console.error(error);
  console.error(world.hub.logTail());
} finally {
  if (failed > 0) {
    console.error(`--- hub\n${world.hub.logTail()}\n--- agent\n${world.agent.logTail()}`);
  }
  await end();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
