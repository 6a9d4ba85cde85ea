// From the printed link to a device that is online.
import { assert } from '../browser.mjs';

export const startSteps = [
  [
    'the_printed_link_fills_in_the_code_and_leaves_the_address_bar',
    async ({ browser, hub }) => {
      await browser.page.goto(hub.setupUrl());
      await browser.page.waitForFunction(() => document.querySelector('[name=code]')?.value.length >= 8);
      await browser.untilUrl((url) => !url.href.includes('code='));
    },
  ],
  [
    'setup_refuses_passwords_that_differ_or_are_short',
    async ({ browser: { page } }) => {
      await page.fill('[name=password]', 'short');
      await page.fill('[name=repeat]', 'short');
      await page.click('button[type=submit]');
      await page.waitForSelector('.fault');
      await page.fill('[name=password]', 'long enough now');
      await page.fill('[name=repeat]', 'long enough not');
      await page.click('button[type=submit]');
      await page.waitForSelector('text=The passwords differ.');
    },
  ],
  [
    'setup_makes_the_administrator_and_shows_the_empty_fleet',
    async ({ browser: { page }, username, password }) => {
      await page.fill('[name=username]', username);
      await page.fill('[name=password]', password);
      await page.fill('[name=repeat]', password);
      await page.click('button[type=submit]');
      await page.waitForSelector('[data-view=empty]');
      await page.waitForSelector('.link-open');
      assert(new URL(page.url()).pathname === '/', `after set-up at ${page.url()}`);
    },
  ],
  [
    'the_enrolment_command_brings_a_device_that_the_page_greets',
    async ({ browser: { page }, hub, agent, device }) => {
      await page.click('[data-view=empty] a[href="/enrol"]');
      await page.fill('[name=name]', device);
      await page.fill('[name=tags]', 'site=north');
      await page.click('main button[type=submit]');
      const command = await page.textContent('[data-field=command]');
      await agent.enrol(command.trim(), hub.url);
      agent.start();
      await page.waitForSelector('.enrol-status [data-presence=online]');
      await page.click(`.enrol-status a[href="/devices/${device}"]`);
      await page.waitForSelector('figure[data-last-time]');
    },
  ],
  [
    'the_fleet_shows_presence_tags_and_a_pinned_value_that_moves',
    async ({ browser: { page }, device }) => {
      await page.click('nav a[href="/"]');
      const row = page.locator(`tr[data-device="${device}"]`);
      await row.locator('[data-presence=online]').waitFor();
      assert((await row.textContent()).includes('site: north'), 'the tag is not shown');
      const value = row.locator('.fleet-value .number');
      await page.selectOption('[data-control=pinned]', 'uptime').catch(() => {
        throw new Error('no series "uptime" to pin');
      });
      await value.waitFor();
      const before = await value.textContent();
      await page.waitForFunction((was) => document.querySelector('.fleet-value .number')?.textContent !== was, before);
    },
  ],
  [
    'the_fleet_filter_lives_in_the_url',
    async ({ browser, device }) => {
      await browser.page.fill('input[type=search]', 'site:north');
      await browser.untilUrl((url) => url.searchParams.get('q') === 'site:north');
      await browser.page.waitForSelector(`tr[data-device="${device}"]`);
      await browser.page.fill('input[type=search]', 'nothing like this');
      await browser.page.waitForSelector('[data-view=empty]');
      await browser.goto('/?presence=offline');
      await browser.page.waitForSelector('[data-view=empty]');
      await browser.page.click('[data-view=empty] button');
      await browser.page.waitForSelector(`tr[data-device="${device}"]`);
    },
  ],
];
