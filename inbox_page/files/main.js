/** The page: it starts its parts, and reads again what has changed. */

import { find } from './dom.js';
import { startFollowUp } from './follow-up.js';
import { readList, startInbox } from './inbox.js';
import { startKeyboard } from './keyboard.js';
import { startRequests } from './requests.js';
import { startSandbox } from './sandbox.js';
import { startSent } from './sent.js';
import { readSandbox, state } from './state.js';
import { openConversation, readOpen, startThread } from './thread.js';
import { startTour } from './tour.js';

startSandbox();
startInbox(openConversation);
startThread();
startFollowUp();
startSent();
startKeyboard();
startTour(openConversation);
startRequests(async (entries, isOther) => {
  await Promise.all([state.hasControls && readSandbox(), readList()]);
  const touchesOpen = ({ path = '', method = '' }) => (
    method === 'POST' || path.includes(state.open?.uid ?? '') || !state.conversations.some(({ uid }) => path.includes(uid)));
  if (isOther || entries.some(touchesOpen)) await readOpen(undefined, isOther);
});

for (const button of find('#views').querySelectorAll('button')) {
  button.onclick = () => { document.body.dataset.view = button.dataset.view ?? 'list'; };
}
