// What pages do better with a script: they notice that their session has ended elsewhere, and end a device in place.
const root = document.documentElement;
// To ask is to use the session: so a page asks while somebody is at it, and one that was left open lets it end.
const EVERY = 10_000;
const PRESENT = 120_000;

function toLogin() {
  const here = location.pathname + location.search;
  location.assign('/login?next=' + encodeURIComponent(here));
}

// Only a clear no sends anyone away: an outage says nothing about the session.
let asked = 0;
async function check() {
  if (document.visibilityState !== 'visible') return;
  const now = performance.now();
  if (asked && now - asked < 1_000) return;
  asked = now;
  try {
    const answer = await fetch('/api/me', { headers: { Accept: 'application/json' }, cache: 'no-store' });
    if (answer.status === 401) toLogin();
  } catch {
    // No network: the next time will tell.
  }
}

// A page that was just loaded has somebody at it. Who comes back to one learns at once whether the session is there.
let seen = Date.now();
const isPresent = () => Date.now() - seen < PRESENT;
function act() {
  const wasPresent = isPresent();
  seen = Date.now();
  if (!wasPresent) check();
}

if (root.dataset.signedIn) {
  document.addEventListener('visibilitychange', check);
  window.addEventListener('focus', check);
  window.addEventListener('pageshow', (event) => event.persisted && check());
  for (const kind of ['pointerdown', 'keydown', 'scroll']) {
    window.addEventListener(kind, act, { capture: true, passive: true });
  }
  setInterval(() => isPresent() && check(), EVERY);
}

// A form with data-swap is sent without leaving the page; what changed is taken out of the page that the answer is. It is
// sent once: whatever the answer is, or if none comes, what follows is at most a look at this page.
async function swap(form) {
  const button = form.querySelector('button[type=submit]');
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: 'POST',
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: 'text/html' },
    });
    const url = new URL(answer.url);
    if (url.pathname === '/login') return location.assign(url.pathname + url.search);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (!answer.ok) return complain(page.querySelector('.problem .lead'));
    const parts = ['notice', form.dataset.swap].map((id) => [document.getElementById(id), page.getElementById(id)]);
    if (parts.some(([old, fresh]) => !old || !fresh)) return look();
    const [notice, fresh] = parts[0];
    notice.replaceChildren(...fresh.childNodes);
    const [old, replacement] = parts[1];
    old.replaceWith(replacement);
    const heading = replacement.querySelector('h2');
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  } catch {
    look();
  } finally {
    button.disabled = false;
  }
}

// What the page of a problem says of it, said here.
function complain(lead) {
  if (!lead) return look();
  const text = document.createElement('p');
  text.className = 'alert';
  text.setAttribute('role', 'alert');
  text.textContent = lead.textContent;
  document.getElementById('notice').replaceChildren(text);
  window.scrollTo(0, 0);
}

// Not by loading again: the page itself may be the answer to a form.
function look() {
  location.assign(location.pathname);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form instanceof HTMLFormElement && form.dataset.swap) {
    event.preventDefault();
    swap(form);
  }
});

// A theme is seen at once, and kept when it is saved.
document.getElementById('theme')?.addEventListener('change', (event) => {
  root.dataset.theme = event.target.value;
});

// What was typed wrong is where one goes on.
document.querySelector('[aria-invalid=true]')?.focus();
