// Tests of an inbox. Each has its own sandbox, so none needs a reset.
import { expect, signedIn, test } from './sandbox.js';

const JANE = '89m2pnabgozdvd9f'; // the uid of her conversation
const WRITES = { method: 'PUT', path: '/v2/conversations/*' };

test('a follow-up is set and completed', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Jane Smith' }).click();
  const conversation = page.getByRole('region', { name: 'Conversation' });
  await page.getByLabel('Remind me at').fill('2030-05-06 13:31 +0300');
  await page.getByRole('button', { name: 'Save reminder' }).click();
  await expect(conversation).toContainText('Reminder set for May 6, 2030 at 1:31 PM');

  await page.getByLabel('Folder').selectOption('Follow-ups');
  const jane = page.getByRole('button', { name: 'Jane Smith' });
  await expect(jane).toBeVisible();
  await page.getByRole('button', { name: 'Complete' }).click();
  await expect(jane).toBeHidden();
  await expect(conversation).not.toContainText('Reminder set');
});

test('a colleague does not see the follow-up', async ({ page, browser, mock, sandbox }) => {
  await mock.put(`/v2/conversations/${JANE}`, { data: { follow_up: true } });
  await page.goto('/');
  const jane = { hasText: 'Jane Smith' };
  await expect(page.getByRole('listitem').filter(jane)).toContainText('Marked for follow-up');

  const storageState = signedIn(`demo-colleague@${sandbox}`);
  const colleague = await browser.newPage({ storageState });
  await colleague.goto('/');
  await expect(colleague.getByRole('listitem').filter(jane)).toHaveText('Jane Smith');
});

test('with a frozen clock the page always looks the same', async ({ page, mock }) => {
  const now = '2026-05-05T07:30:00Z';
  const messages = [{ from: 'client', text: 'Is Thursday free?', at: '-2h' }];
  const conversations = [
    { uid: 'first00000000001', client: 'Ann Lee', messages },
    { uid: 'second0000000001', client: 'Bo Park' },
  ];
  await mock.put('/__admin/state', { data: { now, conversations } });
  const data = { follow_up: true, follow_up_date: '2026-05-06T10:31:21Z' };
  await mock.put('/v2/conversations/first00000000001', { data });
  await page.clock.setFixedTime(now); // the browser's own time

  await page.goto('/');
  await page.getByRole('button', { name: 'Ann Lee' }).click();
  await expect(page.locator('body')).toMatchAriaSnapshot(`
    - paragraph: Tuesday, May 5, 2026
    - list "Conversations":
      - listitem:
        - button "Ann Lee"
        - text: Reminder set for tomorrow at 1:31 PM
      - listitem:
        - button "Bo Park"
    - region "Conversation":
      - heading "Ann Lee"
      - paragraph: Reminder set for tomorrow at 1:31 PM
      - list "Messages":
        - listitem: Is Thursday free?
  `);
});

test('after an error the user can try again', async ({ page, mock }) => {
  await mock.put('/__admin/faults', { data: [{ ...WRITES, status: 503, times: 1 }] });
  await page.goto('/');
  const jane = page.getByRole('button', { name: 'Jane Smith' });
  await jane.click();
  await page.getByRole('button', { name: 'Archive' }).click();
  await expect(page.getByRole('alert')).toContainText('nothing was stored');
  await expect(jane).toBeVisible(); // nothing was stored
  await page.getByRole('button', { name: 'Retry' }).click();
  await expect(jane).toBeHidden();
  await expect(page.getByRole('alert')).toBeHidden();
  await page.getByLabel('Folder').selectOption('Archive');
  await expect(jane).toBeVisible();
});

test('a slow response shows that the page is loading', async ({ page, mock }) => {
  await mock.put('/__admin/faults', { data: [{ method: 'GET', delay: 3000 }] });
  await page.goto('/');
  await expect(page.getByRole('status')).toHaveText('Loading…');
  await expect(page.getByRole('button', { name: 'Jane Smith' })).toBeVisible();
  await expect(page.getByRole('status')).toBeHidden();
});

test('a reminder becomes overdue', async ({ page, mock }) => {
  await mock.put('/__admin/clock', { data: { now: '2030-05-06T07:30:00Z' } });
  const data = { follow_up: true, follow_up_date: '2030-05-06T10:31:00Z' };
  await mock.put(`/v2/conversations/${JANE}`, { data });
  await page.goto('/');
  const jane = page.getByRole('listitem').filter({ hasText: 'Jane Smith' });
  await expect(jane).toContainText('Reminder set for today at 1:31 PM');
  await mock.post('/__admin/clock/advance', { data: { seconds: 4 * 60 * 60 } });
  await page.reload();
  await expect(jane).toContainText('Reminder was due today at 1:31 PM');
});

test('the page sends what it should', async ({ page, mock }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Jane Smith' }).click();
  await page.getByLabel('Note').fill('call back');
  await page.getByRole('button', { name: 'Save reminder' }).click();
  await expect(page.getByRole('list', { name: 'Messages' })).toContainText('call back');

  const sent = { follow_up: true, follow_up_date: null, follow_up_message: 'call back' };
  const findPuts = async () => {
    const { requests } = await (await mock.get('/__admin/requests')).json();
    return requests.filter(({ method }: { method: string }) => method === 'PUT');
  };
  await expect.poll(findPuts).toEqual([ // a request is listed at most a second after its response
    expect.objectContaining({
      path: `/v2/conversations/${JANE}`,
      status: 200,
      ignored: [],
      changed: expect.arrayContaining(['follow_up', 'follow_up_message', 'message']),
      body: JSON.stringify(sent),
    }),
  ]);
});
