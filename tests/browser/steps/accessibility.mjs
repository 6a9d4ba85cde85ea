// Phone, axe, Chinese, themes: on every page.
import { createRequire } from 'node:module';
import { assert } from '../browser.mjs';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const pages = ({ device }) => [
  ['/', `tr[data-device="${device}"]`],
  [`/devices/${device}`, 'figure[data-series="cpu.usage"][data-last-time]'],
  ['/alerts', '.tabs'],
  ['/alerts?state=resolved', '[data-alert]'],
  ['/alerts/rules', '[data-action=new-rule]'],
  ['/enrol', 'main form'],
  ['/users', '[data-user]'],
  ['/groups', '[data-group]'],
  ['/audit', 'tr[data-sequence]'],
  ['/account', '[data-form=password]'],
  ['/no/such/page', '[data-view=empty]'],
];

/** axe runs as an injected file: the page's policy allows nothing inline, and the test must not weaken it. */
async function violations(page) {
  await page.evaluate(await axeSource());
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return result.violations
    .filter((one) => one.impact === 'serious' || one.impact === 'critical')
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}
let source;
async function axeSource() {
  source ??= (await import('node:fs')).readFileSync(axePath, 'utf8');
  return source;
}

async function checkAll(world) {
  const found = [];
  for (const [path, ready] of pages(world)) {
    await world.browser.goto(path);
    await world.browser.page.waitForSelector(ready);
    for (const one of await violations(world.browser.page)) found.push(`${path} ${one}`);
  }
  assert(found.length === 0, found.join('\n'));
}

export const accessibilitySteps = [
  ['no_page_has_serious_accessibility_violations_in_light', checkAll],
  [
    'nor_in_dark',
    async (world) => {
      await world.browser.page.emulateMedia({ colorScheme: 'dark' });
      try {
        await checkAll(world);
      } finally {
        await world.browser.page.emulateMedia({ colorScheme: 'light' });
      }
    },
  ],
  [
    'nor_have_the_dialogs',
    async ({ browser }) => {
      await browser.goto('/alerts/rules');
      await browser.page.click('[data-action=new-rule]');
      await browser.page.waitForSelector('dialog[open]');
      const found = await violations(browser.page);
      await browser.page.keyboard.press('Escape');
      await browser.page.waitForSelector('dialog', { state: 'detached' });
      assert(found.length === 0, found.join('\n'));
    },
  ],
  [
    'every_page_fits_a_phone_of_360_pixels',
    async (world) => {
      const { page } = world.browser;
      await page.setViewportSize({ width: 360, height: 740 });
      try {
        for (const [path, ready] of pages(world)) {
          await world.browser.goto(path);
          await page.waitForSelector(ready);
          const width = await page.evaluate(() => document.documentElement.scrollWidth);
          assert(width <= 360, `${path} is ${width} pixels wide`);
          const nav = await page.locator('.top nav').boundingBox();
          assert(nav.y + nav.height <= 741 && nav.y > 600, `${path}: the navigation is not at the bottom`);
        }
      } finally {
        await page.setViewportSize({ width: 1360, height: 850 });
      }
    },
  ],
  [
    'the_whole_dashboard_speaks_chinese',
    async (world) => {
      const { page } = world.browser;
      await world.browser.goto('/');
      await page.click('.menu summary');
      await page.click('label:has-text("简体中文")');
      await page.waitForSelector('nav >> text=告警');
      assert((await page.getAttribute('html', 'lang')) === 'zh-CN', 'the page does not say that it is Chinese');
      for (const [path, ready] of pages(world)) {
        await world.browser.goto(path);
        await page.waitForSelector(ready);
        const heading = await page.textContent('h1, .empty-title');
        assert(/[\u4e00-\u9fff]/.test(heading) || heading.includes(world.device), `${path} is headed "${heading}"`);
      }
      await page.click('.menu summary');
      await page.click('label:has-text("English")');
      await page.waitForSelector('nav >> text=Alerts');
    },
  ],
  [
    'a_chosen_theme_stays',
    async ({ browser }) => {
      await browser.goto('/');
      await browser.page.click('.menu summary');
      await browser.page.click('.menu label:has-text("Dark")');
      await browser.page.waitForSelector('html[data-theme=dark]');
      await browser.page.reload();
      await browser.page.waitForSelector('html[data-theme=dark]');
      await browser.page.click('.menu summary');
      await browser.page.click('.menu label:has-text("Auto")');
      await browser.page.waitForFunction(() => !document.documentElement.dataset.theme);
    },
  ],
];
