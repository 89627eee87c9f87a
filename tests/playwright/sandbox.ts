// Gives each test its own sandbox: the token names it, and the first request creates it.
import { randomUUID } from 'node:crypto';
import { type APIRequestContext, test as base } from '@playwright/test';
import { MOCK, PAGE } from './playwright.config.js';

type Fixtures = {
  /** The name of this test's sandbox. */
  sandbox: string;
  /** Calls the mock server as the owner of that sandbox. */
  mock: APIRequestContext;
};

/** Return the browser storage of a staff member who has signed in to the page. */
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
        failOnStatusCode: true, // a mistake in a test is an error
      });
      await use(mock);
      await mock.delete('/__admin/sandbox'); // the server keeps a limited number
      await mock.dispose();
    },
    { auto: true },
  ],
  storageState: ({ sandbox }, use) => use(signedIn(`demo-owner@${sandbox}`)),
});

export { expect } from '@playwright/test';
