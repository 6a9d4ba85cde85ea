// The device goes, the hub dies: the page says so, and everything comes back.
import { assert } from '../browser.mjs';

const series = 'uptime';

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
      // What the agent kept meanwhile is in the chart: readings of the outage, not only after it.
      const time = await browser.untilNewer(series, await browser.chartNumber(series, 'last-time'));
      assert(time > before, 'no newer reading');
      await browser.chart(series).focus();
      await browser.page.keyboard.press('t');
      await browser.page.waitForFunction(
        ([name, last]) => {
          const times = [...document.querySelectorAll(`figure[data-series="${name}"] tbody tr`)].length;
          return times > 3 && last > 0;
        },
        [series, before],
      );
      await browser.page.keyboard.press('t');
    },
  ],
];
