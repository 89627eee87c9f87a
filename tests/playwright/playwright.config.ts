// The servers and the browser. MOCK_PORT and PAGE_PORT set other ports.
import { defineConfig } from '@playwright/test';

const mockPort = process.env.MOCK_PORT ?? '8000';
const pagePort = process.env.PAGE_PORT ?? '8080';
export const MOCK = `http://127.0.0.1:${mockPort}`;
export const PAGE = `http://127.0.0.1:${pagePort}`;

export default defineConfig({
  testDir: '.',
  fullyParallel: true,
  workers: 4,
  timeout: 60_000, // for a busy machine
  expect: { timeout: 15_000 },
  forbidOnly: !!process.env.CI,
  use: {
    baseURL: PAGE,
    locale: 'en-US',
    timezoneId: 'Asia/Jerusalem', // the demo business's
    launchOptions: {
      executablePath: '/usr/bin/chromium', // Debian's; remove this line to use Playwright's own
      args: ['--no-sandbox', '--disable-background-networking'],
    },
  },
  webServer: [
    {
      command: 'make run',
      cwd: '../..', // the mock server's folder
      env: {
        PORT: mockPort,
        FLASK_SQLALCHEMY_DATABASE_URI: 'sqlite://', // in memory: needs a single process
        WEB_CONCURRENCY: '1',
        FLASK_LOG_LEVEL: 'warning',
      },
      url: `${MOCK}/__admin/health`,
      reuseExistingServer: !process.env.CI,
      gracefulShutdown: { signal: 'SIGTERM', timeout: 5000 },
    },
    {
      command: `python3 -m http.server ${pagePort} --bind 127.0.0.1 --directory page`,
      url: PAGE,
      stderr: 'ignore', // its access log
      reuseExistingServer: !process.env.CI,
    },
  ],
});
