// Charts that move, history and back, commands.
import { resolve } from 'node:path';
import { assert } from '../browser.mjs';

const series = 'cpu.usage'; // among the first: charts out of sight are not drawn

async function drag(browser, fromShare, toShare) {
  const box = await browser.chart(series).locator('.u-over').boundingBox();
  const y = box.y + box.height / 2;
  await browser.page.mouse.move(box.x + box.width * fromShare, y);
  await browser.page.mouse.down();
  await browser.page.mouse.move(box.x + box.width * toShare, y, { steps: 8 });
  await browser.page.mouse.up();
}

export const deviceSteps = [
  [
    'every_numeric_series_has_a_chart_and_the_charts_move',
    async ({ browser, device }) => {
      await browser.page.click(`tr[data-device="${device}"] a`);
      await browser.page.waitForSelector(`figure[data-series="${series}"][data-last-time]`);
      assert((await browser.page.locator('figure.panel canvas').count()) >= 4, 'fewer than four charts');
      let time = await browser.chartNumber(series, 'last-time');
      for (let i = 0; i < 3; ++i) time = await browser.untilNewer(series, time);
      assert((await browser.chartNumber(series, 'points')) > 0, 'no points drawn');
    },
  ],
  [
    'the_window_slides_with_the_hubs_time',
    async ({ browser }) => {
      const before = await browser.chartNumber(series, 'to');
      await browser.page.waitForFunction(
        ([name, was]) => Number(document.querySelector(`figure[data-series="${name}"]`).dataset.to) > was + 1e6,
        [series, before],
      );
    },
  ],
  [
    'the_keyboard_reads_the_chart_and_opens_its_table',
    async ({ browser }) => {
      const { page } = browser;
      await browser.chart(series).focus();
      const live = await browser.chart(series).locator('.panel-when').textContent();
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowLeft');
      await page.waitForFunction(
        ([name, was]) => {
          const shown = document.querySelector(`figure[data-series="${name}"] .panel-when`).textContent;
          return shown !== was && /\d+ \w+/.test(shown); // with its date: a point of the past
        },
        [series, live],
      );
      await page.keyboard.press('t');
      await browser.chart(series).locator('tbody tr').first().waitFor();
      await page.keyboard.press('t');
      await browser.chart(series).locator('table').waitFor({ state: 'detached' });
    },
  ],
  [
    'a_preset_loads_more_history_and_is_in_the_url',
    async ({ browser }) => {
      // The charts change in place: none is taken away and made anew.
      await browser.chart(series).evaluate((figure) => (figure.isTheSame = true));
      await browser.page.click('.presets button:has-text("1h")');
      await browser.untilUrl((url) => url.searchParams.get('range') === '1h');
      await browser.page.waitForFunction(
        (name) => {
          const { from, to, points } = document.querySelector(`figure[data-series="${name}"]`).dataset;
          return Math.round((to - from) / 1e6) === 3600 && Number(points) > 0;
        },
        series,
      );
      assert(await browser.chart(series).evaluate((figure) => figure.isTheSame), 'the charts were made anew');
      const time = await browser.chartNumber(series, 'last-time');
      await browser.untilNewer(series, time);
      await browser.page.click('.presets button:has-text("5m")');
      await browser.untilUrl((url) => url.searchParams.get('range') === '5m');
    },
  ],
  [
    'dragging_zooms_into_a_fixed_range_of_stored_readings',
    async ({ browser }) => {
      // Into the newest part, which surely holds readings.
      await drag(browser, 0.85, 0.995);
      await browser.untilUrl((url) => url.searchParams.has('from') && url.searchParams.has('to'));
      const url = new URL(browser.page.url());
      await browser.page.waitForFunction(
        ([name, from]) => {
          const data = document.querySelector(`figure[data-series="${name}"]`).dataset;
          return Number(data.from) === from && Number(data.points) > 0;
        },
        [series, Number(url.searchParams.get('from')) * 1000],
      );
      assert((await browser.page.getAttribute('[data-live]', 'data-live')) === 'false', 'still live');
      assert(
        (await browser.chartNumber(series, 'to')) === Number(url.searchParams.get('to')) * 1000,
        'the range of the chart is not that of the URL',
      );
    },
  ],
  [
    'a_fixed_range_survives_a_reload_and_stands_still',
    async ({ browser }) => {
      const from = await browser.chartNumber(series, 'from');
      await browser.page.reload();
      await browser.page.waitForFunction(
        ([name, was]) => {
          const data = document.querySelector(`figure[data-series="${name}"]`)?.dataset;
          return data && Number(data.from) === was && Number(data.points) > 0;
        },
        [series, from],
      );
    },
  ],
  [
    'l_returns_to_live_and_so_do_button_and_double_click',
    async ({ browser }) => {
      const { page } = browser;
      await page.keyboard.press('l');
      await page.waitForSelector('[data-live=true]');
      await browser.untilNewer(series, await browser.chartNumber(series, 'last-time'));
      await drag(browser, 0.3, 0.9);
      await page.waitForSelector('[data-live=false]');
      await page.click('[data-action=live]');
      await page.waitForSelector('[data-live=true]');
      await drag(browser, 0.3, 0.9);
      await page.waitForSelector('[data-live=false]');
      await browser.chart(series).locator('.u-over').dblclick();
      await page.waitForSelector('[data-live=true]');
      await page.mouse.move(5, 5);
      await browser.untilNewer(series, await browser.chartNumber(series, 'last-time'));
    },
  ],
  [
    'sample_now_succeeds_before_ones_eyes',
    async ({ browser: { page } }) => {
      await page.click('button[data-command="sample-now"]');
      await page.waitForSelector('li[data-command="sample-now"][data-state=SUCCEEDED]');
      await page.click('li[data-command="sample-now"] summary');
      await page.waitForSelector('li[data-command="sample-now"] .execution-details');
      await page.click('button[data-command=ping]');
      await page.waitForSelector('li[data-command=ping][data-state=SUCCEEDED]');
    },
  ],
  [
    'executions_are_still_there_after_a_reload',
    async ({ browser: { page } }) => {
      await page.reload();
      await page.waitForSelector('li[data-command="sample-now"][data-state=SUCCEEDED]');
    },
  ],
  [
    'the_status_line_says_how_old_readings_are_on_arrival',
    async ({ browser: { page } }) => {
      await page.waitForFunction(() => /^\d+ ms$/.test(document.querySelector('.link-open .link-lag')?.textContent ?? ''));
      const title = await page.getAttribute('.link-open', 'title');
      const parts = /(\d+) ms after the hub stored them: (\d+) ms in the hub, (\d+) ms on the way/.exec(title);
      assert(parts && Number(parts[1]) === Number(parts[2]) + Number(parts[3]), title);
    },
  ],
  [
    'panels_say_that_the_connection_does_not_keep_up',
    async ({ browser, device }) => {
      const { page } = browser;
      await page.addInitScript(() => {
        window.WebSocket = class extends WebSocket {
          constructor(...args) {
            super(...args);
            window.socketOfTest = this;
          }
        };
      });
      await browser.goto(`/devices/${device}`);
      await browser.untilNewer(series, 0);
      // A hub that says so of subscriptions 1 to 9: LiveMessage{phases: [{subscription, phase}]}.
      const enter = (phase) =>
        page.evaluate((number) => {
          const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9];
          const bytes = new Uint8Array(ids.flatMap((id) => [0x22, 4, 0x08, id, 0x10, number]));
          window.socketOfTest.onmessage({ data: bytes.buffer });
        }, phase);
      const mark = browser.chart(series).locator('.pace-mark');
      await enter(5);
      await mark.and(page.locator('[data-pace=latest_only]')).waitFor();
      await enter(4);
      await mark.and(page.locator('[data-pace=conflated]')).waitFor();
      assert(/once a second/.test(await mark.getAttribute('title')), 'it does not say what that means');
      await enter(3);
      await mark.waitFor({ state: 'detached' });
    },
  ],
  [
    'a_picture_is_taken',
    async ({ browser, options }) => {
      if (!options.screenshot) return;
      // Enough readings for lines, and none of the pointer's crosshair.
      await browser.page.mouse.move(5, 5);
      await browser.page.waitForFunction(
        (name) => Number(document.querySelector(`figure[data-series="${name}"]`)?.dataset.points) > 45,
        series,
        { timeout: 110_000 },
      );
      await browser.screenshot(resolve(options.screenshot));
    },
  ],
];
