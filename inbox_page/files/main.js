/** The page: it starts its parts, and reads again what has changed. */

import { findAll, showView } from './dom.js';
import { startFollowUp } from './follow-up.js';
import { readList, startInbox } from './inbox.js';
import { startKeyboard } from './keyboard.js';
import { startRequests } from './requests.js';
import { startSandbox } from './sandbox.js';
import { readSandbox, state, tell } from './state.js';
import { openConversation, readOpen, startThread } from './thread.js';
import { startTour } from './tour.js';

startSandbox();
startInbox(openConversation);
startThread();
startFollowUp();
startKeyboard();
startTour();
startRequests(async (isOther) => {
	await Promise.all([state.hasControls ? readSandbox() : tell('changed'), readList()]);
	await readOpen(undefined, isOther);
});

for (const button of findAll('#views button')) button.onclick = () => showView(button.dataset.to);
addEventListener('submit', (event) => event.preventDefault());
showView('inbox');
