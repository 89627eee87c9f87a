// Every test has a sandbox of its own: its token names one, and the first request makes it.
import { randomUUID } from 'node:crypto';
import { type APIRequestContext, test as base } from '@playwright/test';
import { MOCK, PAGE } from './playwright.config.js';

type Fixtures = {
  /** The name of this test's sandbox. */
  sandbox: string;
  /** Calls of the mock server in that sandbox, as the owner. */
  mock: APIRequestContext;
};

/** What a browser remembers once a staff member has signed in to the page. */
export function signedIn(token: string) {
  const localStorage = [{ name: 'api', value: MOCK }, { name: 'token', value: token }];
  return { cookies: [], origins: [{ origin: PAGE, localStorage }] };
}

export const test = base.extend<Fixtures>({
  sandbox: async ({}, use, { title }) => {
    await use(`${title.replace(/\W+/g, '-').slice(0, 40)}-${randomUUID().slice(0, 8)}`);
  },
  mock: [
    async ({ playwright, sandbox }, use) => {
      const mock = await playwright.request.newContext({
        baseURL: MOCK,
        extraHTTPHeaders: { Authorization: `Bearer demo-owner@${sandbox}` },
        failOnStatusCode: true, // so that a mistake in a test is an error
      });
      await use(mock);
      await mock.delete('/__admin/sandbox'); // so that they don't add up on the server
      await mock.dispose();
    },
    { auto: true },
  ],
  storageState: ({ sandbox }, use) => use(signedIn(`demo-owner@${sandbox}`)),
});

export { expect } from '@playwright/test';
