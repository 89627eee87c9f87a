// A small inbox. Signing in stored the token and the API's address in the local storage.
const { api, token } = localStorage;
const find = (selector) => document.querySelector(selector);
let open; // the uid of the conversation that is open
let again; // what "Retry" does

async function call(path, fields) {
  const response = await fetch(api + path, {
    method: fields ? 'PUT' : 'GET',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: fields && JSON.stringify(fields),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.errors[0].message);
  return body;
}

/** Do something that takes a while; show that, and the error if it fails. */
async function attempt(action) {
  find('#error').hidden = true;
  find('#loading').hidden = false;
  again = action;
  try {
    await action();
  } catch (error) {
    find('#error span').textContent = error.message;
    find('#error').hidden = false;
  }
  find('#loading').hidden = true;
}

function fill(list, items) {
  list.replaceChildren(...items.map((parts) => {
    const item = document.createElement('li');
    item.append(...parts);
    return item;
  }));
}

async function showFolder() {
  const { data } = await call(`/v2/conversations?folder=${find('#folder').value}`);
  fill(find('#list'), data.map(({ uid, title, follow_up_text }) => [
    Object.assign(document.createElement('button'), {
      textContent: title,
      onclick: () => attempt(() => showConversation(uid)),
    }),
    ` ${follow_up_text}`,
  ]));
}

async function showConversation(uid) {
  const [conversation, messages] = await Promise.all([
    call(`/v2/conversations/${uid}`),
    call(`/v2/conversations/${uid}/messages`),
  ]);
  open = uid;
  find('#conversation h2').textContent = conversation.title;
  find('#reminder').textContent = conversation.follow_up_text;
  find('#date').value = conversation.follow_up_date ?? '';
  find('#note').value = conversation.follow_up_message;
  fill(find('#messages'), messages.map(({ text }) => [text]));
  find('#conversation').hidden = false;
}

function change(fields) {
  return attempt(async () => {
    await call(`/v2/conversations/${open}`, fields);
    await showFolder();
    await showConversation(open);
  });
}

find('#today').textContent = new Date().toLocaleDateString('en', { dateStyle: 'full' });
find('#folder').onchange = () => attempt(showFolder);
find('#error button').onclick = () => attempt(again);
find('#archive').onclick = () => change({ archived: true });
find('#complete').onclick = () => change({ follow_up: false, complete_follow_up: true });
find('form').onsubmit = (event) => {
  event.preventDefault();
  change({
    follow_up: true,
    follow_up_date: find('#date').value || null,
    follow_up_message: find('#note').value,
  });
};
attempt(showFolder);
