// Signing out and in.
import { assert } from '../browser.mjs';

export const sessionSteps = [
  [
    'signing_out_ends_the_session_at_the_hub',
    async ({ browser, device }) => {
      await browser.page.click('.menu summary');
      await browser.page.click('[data-action=sign-out]');
      await browser.page.waitForSelector('[name=password]');
      await browser.goto(`/devices/${device}`);
      await browser.page.waitForSelector('[name=password]');
      assert((await browser.page.locator('figure').count()) === 0, 'charts without a sign-in');
    },
  ],
  [
    'a_wrong_password_is_called_wrong',
    async ({ browser, username }) => {
      await browser.signIn(username, 'wrong horse battery');
      await browser.page.waitForSelector('text=Wrong user name or password.');
      assert((await browser.page.inputValue('[name=password]')) === '', 'the wrong password stays');
    },
  ],
  [
    'signing_in_shows_the_page_that_was_asked_for',
    async ({ browser, username, password, device }) => {
      await browser.signIn(username, password);
      await browser.page.waitForSelector('figure[data-series="cpu.usage"][data-last-time]');
      assert(browser.page.url().endsWith(`/devices/${device}`), browser.page.url());
    },
  ],
  [
    'the_setup_page_is_closed_once_there_is_a_user',
    async ({ browser }) => {
      await browser.goto('/setup#code=AAAABBBBCCCC');
      await browser.page.waitForSelector('.top');
      assert((await browser.page.locator('[name=code]').count()) === 0, 'the set-up form is shown');
    },
  ],
];
