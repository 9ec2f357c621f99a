// What pages do better with a script: they notice that their session has ended elsewhere, and end a device in place.
const root = document.documentElement;
const EVERY = 30_000;

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

if (root.dataset.signedIn) {
  document.addEventListener('visibilitychange', check);
  window.addEventListener('focus', check);
  window.addEventListener('pageshow', (event) => event.persisted && check());
  setInterval(check, EVERY);
}

// A form with data-swap is sent without leaving the page; what changed is taken out of the page that the answer is.
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
    const parts = ['notice', form.dataset.swap].map((id) => [document.getElementById(id), page.getElementById(id)]);
    if (!answer.ok || parts.some(([old, fresh]) => !old || !fresh)) return form.submit();
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
    form.submit();
  } finally {
    button.disabled = false;
  }
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
