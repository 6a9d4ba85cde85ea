// One Chromium with a fresh profile, and what the steps ask of it. No sleeps: every wait is for a condition.
import { chromium } from 'playwright-core';

const waitMs = 60_000;

export class Browser {
  constructor(profile) {
    this.profile = profile;
    this.seen = [];
  }

  async open(base) {
    this.base = base;
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      ignoreHTTPSErrors: true,
      viewport: { width: 1360, height: 850 },
      locale: 'en-GB',
      colorScheme: 'light',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    this.context.setDefaultTimeout(waitMs);
    this.page = this.context.pages()[0] ?? (await this.context.newPage());
    this.page.on('pageerror', (error) => this.seen.push(`uncaught: ${error.stack ?? error}`));
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.seen.push(message.text());
    });
  }

  /** What nobody expected: refused sign-ins and an absent hub are part of the play. */
  errors() {
    return this.seen.filter((text) => !/Failed to load resource|WebSocket connection to|net::ERR_/.test(text));
  }

  async goto(path) {
    await this.page.goto(this.base + path);
  }
  async screenshot(file) {
    await this.page?.screenshot({ path: file });
  }

  chart(name) {
    return this.page.locator(`figure[data-series="${name}"]`);
  }
  /** A data attribute of a chart, as a number. */
  async chartNumber(name, attribute) {
    return Number(await this.chart(name).getAttribute(`data-${attribute}`));
  }
  /** Until the chart's newest reading is newer than `time`; answers its time. */
  async untilNewer(name, time) {
    await this.page.waitForFunction(
      ([series, after]) => Number(document.querySelector(`figure[data-series="${series}"]`)?.dataset.lastTime ?? 0) > after,
      [name, time],
    );
    return this.chartNumber(name, 'last-time');
  }
  async untilUrl(test) {
    await this.page.waitForURL(test);
  }

  async signIn(username, password) {
    await this.page.fill('[name=username]', username);
    await this.page.fill('[name=password]', password);
    await this.page.click('button[type=submit]');
  }

  async close() {
    await this.context?.close();
  }
}

export function assert(condition, what) {
  if (!condition) throw new Error(what);
}
