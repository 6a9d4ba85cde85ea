// People, what they see, what they may: in two browsers, an admin's and a guest's.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { assert, Browser } from '../browser.mjs';

const guestPassword = 'a password of the guest';
let guest = null;

async function dialog(page, fill) {
  await page.waitForSelector('dialog[open]');
  for (const [name, value] of Object.entries(fill)) {
    const control = page.locator(`dialog [name="${name}"]`);
    if ((await control.evaluate((node) => node.tagName)) === 'SELECT') await control.selectOption(value);
    else await control.fill(value);
  }
  await page.click('dialog button[type=submit]');
}

export const accessSteps = [
  [
    'a_group_is_made_of_a_tag_and_names_its_devices',
    async ({ browser, device }) => {
      await browser.goto('/groups');
      await browser.page.click('[data-action=new-group]');
      await dialog(browser.page, { group: 'north', tags: 'site=north' });
      await browser.page.waitForFunction((name) => document.querySelector('[data-group=north]')?.textContent.includes(name), device);
    },
  ],
  [
    'an_invited_guest_joins_and_sees_the_devices_of_the_group',
    async ({ browser, hub, folder, device }) => {
      await browser.goto('/users');
      await browser.page.click('[data-action=invite]');
      await dialog(browser.page, { role: 'viewer', groups: 'north' });
      const link = new URL((await browser.page.textContent('[data-field=invitation]')).trim());
      guest = new Browser(join(folder, 'guest'));
      await guest.open(hub.url);
      await guest.goto(`${link.pathname}${link.hash}`);
      await guest.page.waitForSelector('[name=username]');
      assert(!guest.page.url().includes('invitation'), 'the token stays in the address bar');
      await guest.page.fill('[name=username]', 'guest');
      await guest.page.fill('[name=password]', 'short');
      await guest.page.click('button[type=submit]');
      await guest.page.waitForSelector('.fault');
      await guest.page.fill('[name=password]', guestPassword);
      await guest.page.click('button[type=submit]');
      await guest.page.waitForSelector(`tr[data-device="${device}"]`);
      await guest.goto(`/${link.hash}`);
      await guest.page.waitForSelector('.top');
    },
  ],
  [
    'what_a_viewer_may_not_is_not_shown_and_its_address_says_so_calmly',
    async () => {
      for (const path of ['/users', '/groups', '/audit', '/enrol']) {
        await guest.goto(path);
        await guest.page.waitForSelector('[data-view=no-permission]');
        assert((await guest.page.locator('[data-view=error]').count()) === 0, `${path} shows an error`);
      }
      assert((await guest.page.locator('nav a[href="/enrol"], nav a[href="/users"]').count()) === 0, 'links that lead nowhere');
    },
  ],
  [
    'rights_that_are_taken_away_are_gone_without_a_reload',
    async ({ browser, device }) => {
      await guest.goto('/');
      await guest.page.waitForSelector(`tr[data-device="${device}"]`);
      await guest.page.waitForSelector('.link-open');
      await browser.goto('/users');
      await browser.page.click('[data-user=guest] [data-action=rights]');
      await dialog(browser.page, { groups: '' });
      await guest.page.waitForSelector('text=No device is shared with you');
      await browser.page.waitForFunction(() => document.querySelector('[data-user=guest]')?.textContent.includes('no device'));
    },
  ],
  [
    'a_token_is_shown_once_and_revoked',
    async () => {
      await guest.goto('/account');
      await guest.page.click('[data-action=new-token]');
      await dialog(guest.page, { 'token-name': 'grafana' });
      const token = (await guest.page.textContent('[data-field=token]')).trim();
      assert(token.length > 20, token);
      await guest.page.click('dialog [data-action=done]');
      await guest.page.waitForSelector('[data-token=grafana]');
      assert(!(await guest.page.content()).includes(token), 'the token is still on the page');
      const status = () => guest.page.evaluate((bearer) => fetch('/api/v1/devices', { headers: { Authorization: `Bearer ${bearer}` } }).then((answer) => answer.status), token);
      assert((await status()) === 200, 'the token does not work');
      await guest.page.click('[data-token=grafana] [data-action=revoke]');
      await guest.page.click('dialog [data-action=confirm]');
      await guest.page.waitForFunction(() => !document.querySelector('[data-token=grafana]'));
      assert((await status()) === 401, 'the token still works');
    },
  ],
  [
    'a_new_password_needs_the_old_one',
    async () => {
      await guest.page.fill('[name=old]', 'not the old one');
      await guest.page.fill('[name=new]', 'another password');
      await guest.page.click('[data-form=password] button[type=submit]');
      await guest.page.waitForSelector('text=This is not your present password.');
      await guest.page.fill('[name=old]', guestPassword);
      await guest.page.click('[data-form=password] button[type=submit]');
      await guest.page.waitForSelector('[data-view=done]');
    },
  ],
  [
    'a_password_given_by_the_admin_signs_the_guest_out',
    async ({ browser }) => {
      await browser.goto('/users');
      await browser.page.click('[data-user=guest] [data-action=password]');
      await dialog(browser.page, { password: guestPassword });
      await guest.page.waitForSelector('text=Your sign-in has ended.');
      await guest.signIn('guest', guestPassword);
      await guest.page.waitForSelector('.top');
    },
  ],
  [
    'the_last_admin_stays_one',
    async ({ browser, username }) => {
      await browser.page.click(`[data-user="${username}"] [data-action=rights]`);
      await dialog(browser.page, { role: 'viewer' });
      await browser.page.waitForSelector('dialog [data-view=error]');
      await browser.page.keyboard.press('Escape');
      await browser.page.waitForFunction(() => !document.querySelector('dialog[open]'));
    },
  ],
  [
    'a_device_without_a_token_is_approved_by_its_code',
    async ({ browser, hub, agent, folder }) => {
      const child = spawn(agent.program, ['enroll', hub.url, '--name', 'cellar', '--state-dir', join(folder, 'cellar')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
      try {
        const code = await new Promise((resolve, reject) => {
          createInterface({ input: child.stdout }).on('line', (line) => {
            const match = /this code: {2}(\S+)/.exec(line);
            if (match) resolve(match[1]);
          });
          void ended.then((status) => reject(new Error(`the agent ended with ${status}`)));
        });
        await browser.goto('/enrol?code=AAAA-AAAA');
        await browser.page.waitForSelector('[data-view=no-such-code]');
        await browser.goto(`/enrol?code=${code}`);
        const request = `.join-request.wanted[data-code="${code}"]`;
        await browser.page.waitForSelector(request);
        assert((await browser.page.inputValue(`${request} [name=device-name]`)) === 'cellar', 'the wished name is not there');
        await browser.page.click(`${request} [data-action=approve]`);
        await browser.page.waitForSelector(`${request}[data-state=approved]`);
        assert((await ended) === 0, 'the agent was not let in');
      } finally {
        child.kill();
      }
    },
  ],
  [
    'the_audit_trail_tells_all_of_it',
    async ({ browser, username }) => {
      await browser.goto('/audit');
      await browser.page.waitForSelector('tr[data-sequence]');
      await browser.page.fill('[name=actor]', username);
      await browser.page.click('main form button[type=submit]');
      for (const object of ['user=guest', 'group=north']) {
        await browser.page.fill('[name=object]', object);
        await browser.page.click('main form button[type=submit]');
        await browser.page.waitForFunction(
          (wanted) => {
            const rows = [...document.querySelectorAll('tr[data-sequence]')];
            return rows.length > 0 && rows.every((row) => row.textContent.includes(wanted));
          },
          object.split('=')[1],
        );
      }
      const download = browser.page.waitForEvent('download');
      await browser.page.click('[data-action=export]');
      assert((await download).suggestedFilename() === 'audit.csv', 'no file');
    },
  ],
  [
    'a_removed_guest_is_signed_out',
    async ({ browser }) => {
      await browser.goto('/users');
      await browser.page.click('[data-user=guest] [data-action=remove]');
      await browser.page.click('dialog [data-action=confirm]');
      await browser.page.waitForFunction(() => !document.querySelector('[data-user=guest]'));
      await guest.page.waitForSelector('text=Your sign-in has ended.');
      const seen = guest.errors();
      await guest.close();
      assert(seen.length === 0, seen.join('\n'));
    },
  ],
];
