// A rule that fires at once, its alert, its end.
const rule = 'Machine is up';

async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.fill(`dialog [name="${name}"]`, value);
}

export const alertSteps = [
  [
    'the_rule_editor_names_what_is_wrong_beside_its_field',
    async ({ browser: { page } }) => {
      await page.click('nav a[href="/alerts"]');
      await page.waitForSelector('[data-view=empty]');
      await page.click('.tabs a[href="/alerts/rules"]');
      await page.click('[data-action=new-rule]');
      await fill(page, { name: rule, series: 'uptime', threshold: 'high', for: 'soon' });
      await page.click('dialog button[type=submit]');
      await page.waitForSelector('dialog [name=threshold][aria-invalid]');
      await page.waitForSelector('dialog [name=for][aria-invalid]');
    },
  ],
  [
    'a_rule_on_a_value_above_its_threshold_fires_live',
    async ({ browser: { page } }) => {
      await fill(page, { threshold: '-1', for: '0s' });
      await page.click('dialog button[type=submit]');
      await page.waitForSelector(`[data-rule="${rule}"]`);
      await page.waitForSelector('.badge[data-firing="1"]');
      await page.click('nav a[href="/alerts"]');
      await page.waitForSelector(`[data-alert="${rule}"][data-state=firing]`);
    },
  ],
  [
    'an_alert_is_acknowledged_with_a_note',
    async ({ browser: { page } }) => {
      await page.click(`[data-alert="${rule}"] button:has-text("Acknowledge")`);
      await page.fill('dialog [name=note]', 'it is meant to be up');
      await page.click('dialog button[type=submit]');
      await page.waitForSelector(`[data-alert="${rule}"]:has-text("it is meant to be up")`);
    },
  ],
  [
    'the_alert_opens_the_chart_at_its_onset',
    async ({ browser }) => {
      await browser.page.click(`[data-alert="${rule}"] button:has-text("Open chart")`);
      await browser.untilUrl((url) => url.pathname.startsWith('/devices/') && url.searchParams.has('from'));
      await browser.page.waitForFunction(
        () => Number(document.querySelector('figure[data-series="uptime"]')?.dataset.points) > 0,
      );
    },
  ],
  [
    'a_changed_rule_lets_the_alert_resolve_live',
    async ({ browser: { page } }) => {
      await page.click('nav a[href="/alerts"]');
      await page.click('.tabs a[href="/alerts/rules"]');
      await page.click(`[data-rule="${rule}"] button:has-text("Edit")`);
      await page.waitForSelector('dialog [name=threshold]');
      await fill(page, { threshold: '1e15' });
      await page.click('dialog button[type=submit]');
      await page.waitForSelector('dialog', { state: 'detached' });
      await page.waitForSelector('.badge', { state: 'detached' });
      await page.click('.tabs a:has-text("Resolved")');
      await page.waitForSelector(`[data-alert="${rule}"][data-state=resolved]`);
    },
  ],
  [
    'a_rule_is_deleted_after_a_question',
    async ({ browser: { page } }) => {
      await page.click('.tabs a[href="/alerts/rules"]');
      await page.click(`[data-rule="${rule}"] button:has-text("Delete")`);
      await page.click('dialog .dialog-actions button:has-text("Delete")');
      await page.waitForSelector(`[data-rule="${rule}"]`, { state: 'detached' });
      await page.waitForSelector('[data-view=empty]');
    },
  ],
];
