// The device goes, the hub dies: the page says so, and everything comes back.
import { assert } from '../browser.mjs';

const series = 'cpu.usage';

export const outageSteps = [
  [
    'a_device_that_stops_is_shown_offline_and_back_online',
    async ({ browser, agent, device }) => {
      await browser.goto('/');
      await browser.page.waitForSelector(`tr[data-device="${device}"] [data-presence=online]`);
      await agent.stop();
      await browser.page.waitForSelector(`tr[data-device="${device}"] [data-presence=offline]`);
      agent.start();
      await browser.page.waitForSelector(`tr[data-device="${device}"] [data-presence=online]`);
    },
  ],
  [
    'a_killed_hub_is_announced_with_the_time_of_the_data_and_dims_it',
    async ({ browser, hub, device }) => {
      await browser.goto(`/devices/${device}`);
      await browser.untilNewer(series, (await browser.chart(series).waitFor(), await browser.chartNumber(series, 'last-time')));
      await hub.kill();
      const lost = browser.page.locator('.link-lost');
      await lost.waitFor();
      assert(/Reconnecting, data from \d\d:\d\d:\d\d/.test(await lost.textContent()), await lost.textContent());
      await browser.page.waitForSelector(`figure.old[data-series="${series}"]`);
    },
  ],
  [
    'after_its_restart_the_data_goes_on_without_a_hole',
    async ({ browser, hub }) => {
      const before = await browser.chartNumber(series, 'last-time');
      await hub.start();
      await browser.page.waitForSelector('.link-open');
      await browser.untilNewer(series, before);
      await browser.page.waitForSelector(`figure.old[data-series="${series}"]`, { state: 'detached' });
      // What the agent kept meanwhile is in the chart as well: no pause between two readings is longer than usual.
      await browser.chart(series).focus();
      await browser.page.keyboard.press('t');
      await browser.page.waitForFunction(
        ([name, last]) => {
          const cells = [...document.querySelectorAll(`figure[data-series="${name}"] tbody tr td:first-child`)];
          const seconds = cells.map((cell) => {
            const [hours, minutes, rest] = /(\d+):(\d+):(\d+)/.exec(cell.textContent).slice(1).map(Number);
            return hours * 3600 + minutes * 60 + rest;
          });
          const lost = new Date(last / 1000);
          const start = lost.getHours() * 3600 + lost.getMinutes() * 60 + lost.getSeconds() - 3;
          const around = seconds.filter((second) => second >= start);
          const pauses = around.slice(1).map((second, i) => around[i] - second);
          const usual = [...pauses].sort((a, b) => a - b)[Math.floor(pauses.length / 2)];
          return pauses.length > 5 && Math.max(...pauses) <= 3 * Math.max(1, usual);
        },
        [series, before],
      );
      await browser.page.keyboard.press('t');
    },
  ],
];
